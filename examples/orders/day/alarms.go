package day

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
)

// alarm is what a subscriber to the alarm topic gets.
type alarm struct {
	Severity string `json:"severity"`
	Source   string `json:"source"`
	Message  string `json:"message"`
}

func (a alarm) String() string { return fmt.Sprintf("%-8s %s: %s", a.Severity, a.Source, a.Message) }

// alarmList is the subscriber: a queue at the alarm topic, emptied all the time. It
// is safe for parallel use.
type alarmList struct {
	mu  sync.Mutex
	all []alarm
}

// subscribe makes the queue and returns its URL.
func subscribe(ctx context.Context, queues *sqs.Client, topics *sns.Client, topicARN string) (string, error) {
	queue, err := queues.CreateQueue(ctx, &sqs.CreateQueueInput{QueueName: aws.String("on-call")})
	if err != nil {
		return "", err
	}
	attributes, err := queues.GetQueueAttributes(ctx, &sqs.GetQueueAttributesInput{
		QueueUrl: queue.QueueUrl, AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameQueueArn},
	})
	if err != nil {
		return "", err
	}
	_, err = topics.Subscribe(ctx, &sns.SubscribeInput{
		TopicArn: &topicARN, Protocol: aws.String("sqs"), Endpoint: aws.String(attributes.Attributes["QueueArn"]),
		Attributes: map[string]string{"RawMessageDelivery": "true"},
	})
	return *queue.QueueUrl, err
}

// follow takes alarms off the queue until ctx ends.
func (l *alarmList) follow(ctx context.Context, queues *sqs.Client, url string) {
	for ctx.Err() == nil {
		received, err := queues.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{
			QueueUrl: &url, MaxNumberOfMessages: 10, WaitTimeSeconds: 20,
		})
		if err != nil {
			continue // a fault, or the end
		}
		for _, message := range received.Messages {
			l.add(*message.Body)
			_, _ = queues.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &url, ReceiptHandle: message.ReceiptHandle})
		}
	}
}

func (l *alarmList) add(body string) {
	var a alarm
	if err := json.Unmarshal([]byte(body), &a); err != nil {
		a = alarm{Severity: "?", Source: "on-call", Message: err.Error()}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, a)
}

// newest are the last n alarms, the newest at the end.
func (l *alarmList) newest(n int) []alarm {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.all[max(0, len(l.all)-n):])
}

// has reports whether there was an alarm of that severity from that source.
func (l *alarmList) has(severity, source string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.ContainsFunc(l.all, func(a alarm) bool { return a.Severity == severity && a.Source == source })
}
