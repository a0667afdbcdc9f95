package stack

import (
	"context"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/lambda-cqrs/cqrs/local"
)

// listener returns what has events of that type reach the function, or nil.
func listener(kind string) func(f *local.Function, id string, p *properties) error {
	switch kind {
	case "SQS":
		return onQueue
	case "DynamoDB":
		return onStream
	case "SNS":
		return onTopic
	case "S3":
		return onBucket
	case "EventBridgeRule":
		return onPattern
	case "Schedule":
		return onSchedule
	}
	return nil
}

// connect has the function's events reach it.
func (s *Stack) connect(ctx context.Context, r *resource) error {
	for key, events := range pairs(r.properties) {
		if key.Value != "Events" {
			continue
		}
		for id, event := range pairs(events) {
			if err := s.listen(ctx, id.Value, event); err != nil {
				return fmt.Errorf("line %d: event %s: %w", id.Line, id.Value, err)
			}
		}
	}
	return nil
}

func (s *Stack) listen(ctx context.Context, id string, event *yaml.Node) error {
	var kind string
	var node *yaml.Node
	for key, value := range pairs(event) {
		switch key.Value {
		case "Type":
			kind = value.Value
		case "Properties":
			node = value
		}
	}
	listen := listener(kind)
	if listen == nil {
		return fmt.Errorf("an event of type %s is not known here", kind)
	}
	p, err := s.propertiesOf(ctx, "event "+kind, node)
	if err == nil {
		err = listen(s.function, id, p)
	}
	if err == nil {
		err = p.unknown()
	}
	return err
}

func onQueue(f *local.Function, _ string, p *properties) error {
	options, err := batches(p)
	if err != nil {
		return err
	}
	return f.OnQueue(p.text("Queue"), options...)
}

func onStream(f *local.Function, _ string, p *properties) error {
	options, err := batches(p)
	if err != nil {
		return err
	}
	if p.text("BisectBatchOnFunctionError") == "true" {
		options = append(options, local.BisectOnError())
	}
	switch position := p.text("StartingPosition"); position {
	case "TRIM_HORIZON":
	case "LATEST":
		options = append(options, local.FromLatest())
	default:
		return fmt.Errorf("the StartingPosition is TRIM_HORIZON or LATEST, not %q", position)
	}
	var retries, age int
	var to destinations
	for property, set := range map[string]func(){
		"MaximumRetryAttempts":      func() { options = append(options, local.MaxRetries(retries)) },
		"MaximumRecordAgeInSeconds": func() { options = append(options, local.MaxRecordAge(seconds(age))) },
		"DestinationConfig":         func() { options = append(options, local.OnFailure(to.OnFailure.Destination)) },
	} {
		v := map[string]any{"MaximumRetryAttempts": &retries, "MaximumRecordAgeInSeconds": &age, "DestinationConfig": &to}[property]
		there, err := p.into(property, v)
		if err != nil {
			return err
		}
		if there {
			set()
		}
	}
	return f.OnStream(p.text("Stream"), options...)
}

// batches are the options that queues and streams have in common.
func batches(p *properties) ([]local.SourceOption, error) {
	var options []local.SourceOption
	var types []string
	if _, err := p.into("FunctionResponseTypes", &types); err != nil {
		return nil, err
	}
	if slices.Contains(types, "ReportBatchItemFailures") {
		options = append(options, local.ReportBatchItemFailures())
	}
	var size int
	there, err := p.into("BatchSize", &size)
	if there {
		options = append(options, local.BatchSize(size))
	}
	return options, err
}

func onTopic(f *local.Function, _ string, p *properties) error {
	policy, err := p.json("FilterPolicy")
	if err != nil {
		return err
	}
	var options []local.SourceOption
	if policy != "" {
		options = append(options, local.FilterPolicy(policy))
	}
	return f.OnTopic(p.text("Topic"), options...)
}

func onBucket(f *local.Function, _ string, p *properties) error {
	var filter struct {
		S3Key struct {
			Rules []struct{ Name, Value string }
		}
	}
	if _, err := p.into("Filter", &filter); err != nil {
		return err
	}
	options := []local.SourceOption{local.ObjectEvents(p.text("Events"))}
	for _, rule := range filter.S3Key.Rules {
		switch rule.Name {
		case "prefix":
			options = append(options, local.KeyPrefix(rule.Value))
		case "suffix":
			options = append(options, local.KeySuffix(rule.Value))
		default:
			return fmt.Errorf("a filter rule is a prefix or a suffix, not %q", rule.Name)
		}
	}
	return f.OnBucket(p.text("Bucket"), options...)
}

func onPattern(f *local.Function, id string, p *properties) error {
	pattern, err := p.json("Pattern")
	if err != nil {
		return err
	}
	return f.OnRule(name(id), local.EventPattern(pattern))
}

func onSchedule(f *local.Function, id string, p *properties) error {
	return f.OnRule(name(id), local.Schedule(p.text("Schedule")))
}
