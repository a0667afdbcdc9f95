// Package snsalarm sends alarms to an SNS topic.
package snsalarm

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/internal/fault"
)

// The sizes of a message, in bytes of message and attributes together.
// https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
const (
	DefaultMaxMessage = 256 << 10
	largestMaxMessage = 1 << 20 // where the topic's MaximumMessageSize says so
	smallestMessage   = 1 << 10
	maxAttribute      = 32 // characters
)

// Client is what [New] needs of a *sns.Client.
type Client interface {
	Publish(ctx context.Context, in *sns.PublishInput, opts ...func(*sns.Options)) (*sns.PublishOutput, error)
}

// New returns an alarmer that publishes each alarm to the topic. It panics where
// client is nil or topicARN is empty.
//
// The subject is "[SEVERITY] source: message", without line breaks, control
// characters and marks that change the direction of writing, in at most 99
// characters. The message is indented JSON
//
//	{severity, source, message, details, error: {name, message, stack}, timestamp, environment}
//
// of which what is empty is left out. It is cut to what the topic takes: first the
// stack, then the details, the largest first, then the texts. A detail that cannot
// be encoded is replaced by the reason, and what hides itself from logs
// (slog.LogValuer, such as a task token) is hidden here too. The attributes
// "severity" and "environment" serve the filters of subscriptions. Alarms to a
// FIFO topic are grouped by their source.
//
// One alarm is one request; a call that KMS throttled is repeated, with jitter,
// while ctx lives. An error is permanent where no repetition helps (no such topic,
// no permission, a KMS key that is out of reach). The action is sns:Publish on the
// topic, and kms:GenerateDataKey and kms:Decrypt where it is encrypted.
func New(client Client, topicARN string, opts ...Option) cqrs.Alarmer {
	if client == nil || topicARN == "" {
		panic("snsalarm: New needs a client and the ARN of a topic")
	}
	a := &alarmer{client: client, topic: topicARN, limit: DefaultMaxMessage}
	for _, opt := range opts {
		opt(a)
	}
	return a
}

// Option changes what [New] makes.
type Option func(*alarmer)

// Environment is the environment of alarms that do not carry one themselves.
func Environment(name string) Option { return func(a *alarmer) { a.environment = name } }

// MaxMessage is the topic's MaximumMessageSize, 1 KiB to 1 MiB; default 256 KiB.
func MaxMessage(bytes int) Option {
	if bytes < smallestMessage || bytes > largestMaxMessage {
		panic(fmt.Sprintf("snsalarm: MaxMessage must be from %d to %d bytes, not %d", smallestMessage, largestMaxMessage, bytes))
	}
	return func(a *alarmer) { a.limit = bytes }
}

type alarmer struct {
	client      Client
	topic       string
	environment string
	limit       int
}

// Alarm publishes the alarm. Where its time is zero, it is now; where it has no
// severity, it is an error.
func (a *alarmer) Alarm(ctx context.Context, alarm cqrs.Alarm) error {
	if alarm.Time.IsZero() {
		alarm.Time = time.Now()
	}
	if alarm.Severity == "" {
		alarm.Severity = cqrs.SeverityError
	}
	if alarm.Environment == "" {
		alarm.Environment = a.environment
	}
	in := &sns.PublishInput{
		TopicArn:          aws.String(a.topic),
		Subject:           aws.String(subject(alarm)),
		MessageAttributes: attributes(alarm),
	}
	err := a.publish(ctx, in, alarm, a.limit)
	if a.limit > DefaultMaxMessage && len(aws.ToString(in.Message)) > DefaultMaxMessage && fault.Code(err) == "InvalidParameter" {
		err = a.publish(ctx, in, alarm, DefaultMaxMessage) // the topic takes less than it was said to
	}
	if err == nil {
		return nil
	}
	err = fmt.Errorf("snsalarm: publish an alarm to %s: %w", a.topic, err)
	if final(err) {
		return cqrs.Permanent(err)
	}
	return err
}

func (a *alarmer) publish(ctx context.Context, in *sns.PublishInput, alarm cqrs.Alarm, limit int) error {
	text := message(alarm, limit-attributesSize(in.MessageAttributes))
	in.Message = aws.String(text)
	if strings.HasSuffix(a.topic, ".fifo") {
		in.MessageGroupId = aws.String(digest(alarm.Source))
		in.MessageDeduplicationId = aws.String(digest(text))
	}
	return fault.Retry(ctx, fault.KMSThrottled, func() error {
		_, err := a.client.Publish(ctx, in)
		return err
	})
}

// final reports whether the topic will refuse the alarm again.
// https://docs.aws.amazon.com/sns/latest/api/API_Publish.html#API_Publish_Errors
func final(err error) bool {
	switch fault.Code(err) {
	case "InvalidParameter", "ParameterValueInvalid", "InvalidParameterValue", "ValidationException", "InvalidSecurity",
		"AuthorizationError", "NotFound", "EndpointDisabled",
		"KMSAccessDenied", "KMSDisabled", "KMSInvalidState", "KMSNotFound", "KMSOptInRequired":
		return true
	default:
		return false
	}
}

func attributes(alarm cqrs.Alarm) map[string]types.MessageAttributeValue {
	all := map[string]types.MessageAttributeValue{}
	for name, text := range map[string]string{"severity": string(alarm.Severity), "environment": alarm.Environment} {
		if text = line(text, maxAttribute); text != "" {
			all[name] = types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(text)}
		}
	}
	return all
}

func attributesSize(all map[string]types.MessageAttributeValue) int {
	size := 0
	for name, value := range all {
		size += len(name) + len(aws.ToString(value.DataType)) + len(aws.ToString(value.StringValue))
	}
	return size
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
