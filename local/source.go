package local

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/lambda-cqrs/cqrs/local/internal/lambda"
)

// SourceOption changes how a source of events feeds a function. Each says for
// which sources it is; one that is for others is an error.
type SourceOption func(*sourceSettings)

type sourceSettings struct {
	mapping  lambda.MappingConfig
	policy   string
	body     bool
	events   []string
	prefix   string
	suffix   string
	bus      string
	pattern  string
	schedule string
	used     []string // "mapping", "stream", "topic", "bucket", "rule", by option
	onFail   string
}

func option(source string, set func(*sourceSettings)) SourceOption {
	return func(s *sourceSettings) {
		s.used = append(s.used, source)
		set(s)
	}
}

// ReportBatchItemFailures has the function's batchItemFailures count, for queues
// and streams. Without it they are ignored, as on AWS, and what they name is lost.
func ReportBatchItemFailures() SourceOption {
	return option("mapping", func(s *sourceSettings) { s.mapping.ReportPartial = true })
}

// BatchSize is the most records of a batch, for queues and streams: by default 10
// messages, or 100 records of a stream.
func BatchSize(records int) SourceOption {
	return option("mapping", func(s *sourceSettings) { s.mapping.BatchSize = records })
}

// BatchWindow is how long to gather a batch after its first record, for queues
// and streams. The default is not to.
func BatchWindow(window time.Duration) SourceOption {
	return option("mapping", func(s *sourceSettings) { s.mapping.Window = window })
}

// Filter adds a filter pattern, for queues and streams. A record that matches none
// of those there are is dropped.
func Filter(pattern string) SourceOption {
	return option("mapping", func(s *sourceSettings) { s.mapping.Filters = append(s.mapping.Filters, pattern) })
}

// Parallel is how many batches of a queue are with the function at once. The
// default is 1.
func Parallel(batches int) SourceOption {
	return option("queue", func(s *sourceSettings) { s.mapping.Parallel = batches })
}

// MaxRetries is how often a batch of a stream is tried again. The default is until
// its records are 24 hours old.
func MaxRetries(retries int) SourceOption {
	return option("stream", func(s *sourceSettings) { s.mapping.MaxRetries = &retries })
}

// MaxRecordAge is how old the records of a stream may be, 24 hours by default.
func MaxRecordAge(age time.Duration) SourceOption {
	return option("stream", func(s *sourceSettings) { s.mapping.MaxAge = age })
}

// BisectOnError splits a batch of a stream that failed in two.
func BisectOnError() SourceOption {
	return option("stream", func(s *sourceSettings) { s.mapping.Bisect = true })
}

// OnFailure is the name of a queue, or the ARN of any destination, that is told
// where in a stream the records are that were given up.
func OnFailure(destination string) SourceOption {
	return option("stream", func(s *sourceSettings) { s.onFail = destination })
}

// FromLatest reads a stream from now on. The default is from its first record.
func FromLatest() SourceOption {
	return option("stream", func(s *sourceSettings) { s.mapping.Latest = true })
}

// FilterPolicy is that of the subscription to a topic, on message attributes.
func FilterPolicy(policy string) SourceOption {
	return option("topic", func(s *sourceSettings) { s.policy = policy })
}

// FilterPolicyOnBody is that of the subscription to a topic, on the message.
func FilterPolicyOnBody(policy string) SourceOption {
	return option("topic", func(s *sourceSettings) { s.policy, s.body = policy, true })
}

// ObjectEvents are the events of a bucket to be told of, such as
// "s3:ObjectRemoved:*". The default is "s3:ObjectCreated:*".
func ObjectEvents(names ...string) SourceOption {
	return option("bucket", func(s *sourceSettings) { s.events = names })
}

// KeyPrefix selects the objects of a bucket to be told of.
func KeyPrefix(prefix string) SourceOption {
	return option("bucket", func(s *sourceSettings) { s.prefix = prefix })
}

// KeySuffix selects the objects of a bucket to be told of.
func KeySuffix(suffix string) SourceOption {
	return option("bucket", func(s *sourceSettings) { s.suffix = suffix })
}

// Bus is the event bus of a rule, the default bus by default.
func Bus(name string) SourceOption {
	return option("rule", func(s *sourceSettings) { s.bus = name })
}

// EventPattern makes the rule, or changes its pattern.
func EventPattern(pattern string) SourceOption {
	return option("rule", func(s *sourceSettings) { s.pattern = pattern })
}

// Schedule makes the rule, or changes its schedule: rate(…) or cron(…).
func Schedule(expression string) SourceOption {
	return option("rule", func(s *sourceSettings) { s.schedule = expression })
}

func settingsFor(what string, sources []string, opts []SourceOption) (*sourceSettings, error) {
	s := &sourceSettings{}
	for _, opt := range opts {
		opt(s)
	}
	for _, used := range s.used {
		if !strings.Contains(" "+strings.Join(sources, " ")+" ", " "+used+" ") {
			return nil, fmt.Errorf("local: %s: an option is for another source: %s", what, used)
		}
	}
	return s, nil
}

// OnQueue has the function get the messages of a queue, given by its name, URL or
// ARN. A message that was not successful comes back when its visibility timeout
// has passed, which must not be less than the function's timeout.
func (f *Function) OnQueue(queue string, opts ...SourceOption) error {
	s, err := settingsFor("OnQueue", []string{"mapping", "queue"}, opts)
	if err != nil {
		return err
	}
	if s.mapping.Source, err = f.aws.services.queues.ARN(queue); err != nil {
		return fmt.Errorf("local: OnQueue: %w", err)
	}
	return f.mapSource("OnQueue", s)
}

// OnStream has the function get the changes of a table with a stream, given by
// its name, or of a stream, given by its ARN.
func (f *Function) OnStream(table string, opts ...SourceOption) error {
	s, err := settingsFor("OnStream", []string{"mapping", "stream"}, opts)
	if err != nil {
		return err
	}
	if s.mapping.Source, err = f.aws.streamARN(table); err != nil {
		return fmt.Errorf("local: OnStream: %w", err)
	}
	if s.onFail != "" {
		if s.mapping.OnFailure, err = f.aws.destination(s.onFail); err != nil {
			return fmt.Errorf("local: OnStream: %w", err)
		}
	}
	return f.mapSource("OnStream", s)
}

func (f *Function) mapSource(what string, s *sourceSettings) error {
	if _, err := f.aws.services.functions.Map(f.core, s.mapping); err != nil {
		return fmt.Errorf("local: %s: %w", what, err)
	}
	return nil
}

// OnTopic subscribes the function to a topic, given by its name or ARN.
func (f *Function) OnTopic(topic string, opts ...SourceOption) error {
	s, err := settingsFor("OnTopic", []string{"topic"}, opts)
	if err != nil {
		return err
	}
	arn, err := f.aws.services.topics.ARN(topic)
	if err != nil {
		return fmt.Errorf("local: OnTopic: %w", err)
	}
	attributes := map[string]string{}
	if s.policy != "" {
		attributes["FilterPolicy"] = s.policy
	}
	if s.body {
		attributes["FilterPolicyScope"] = "MessageBody"
	}
	return f.call("OnTopic", "sns", "Subscribe", map[string]any{
		"TopicArn": arn, "Protocol": "lambda", "Endpoint": f.ARN(), "Attributes": attributes,
	})
}

// OnBucket has the function hear of objects in a bucket.
func (f *Function) OnBucket(bucket string, opts ...SourceOption) error {
	s, err := settingsFor("OnBucket", []string{"bucket"}, opts)
	if err != nil {
		return err
	}
	if s.events == nil {
		s.events = []string{"s3:ObjectCreated:*"}
	}
	if err := f.aws.services.objects.AddFunction(bucket, f.ARN(), s.events, s.prefix, s.suffix); err != nil {
		return fmt.Errorf("local: OnBucket: %w", err)
	}
	return nil
}

// OnRule makes the function a target of a rule, which [EventPattern] or [Schedule]
// make where there is none of that name.
func (f *Function) OnRule(rule string, opts ...SourceOption) error {
	s, err := settingsFor("OnRule", []string{"rule"}, opts)
	if err != nil {
		return err
	}
	if s.pattern != "" || s.schedule != "" {
		err := f.call("OnRule", "events", "PutRule", map[string]any{
			"Name": rule, "EventBusName": s.bus, "EventPattern": s.pattern, "ScheduleExpression": s.schedule,
		})
		if err != nil {
			return err
		}
	}
	return f.call("OnRule", "events", "PutTargets", map[string]any{
		"Rule": rule, "EventBusName": s.bus, "Targets": []any{map[string]any{"Id": f.Name(), "Arn": f.ARN()}},
	})
}

// call calls an operation of a service.
func (f *Function) call(what, service, operation string, input map[string]any) error {
	document, err := json.Marshal(input)
	if err == nil {
		_, err = f.aws.call(context.Background(), service, operation, document)
	}
	if err != nil {
		return fmt.Errorf("local: %s: %w", what, err)
	}
	return nil
}

// destination is the ARN that a name of a queue, or an ARN, means.
func (a *AWS) destination(address string) (string, error) {
	if strings.HasPrefix(address, "arn:") && !strings.HasPrefix(address, "arn:aws:sqs:") {
		return address, nil
	}
	return a.services.queues.ARN(address)
}
