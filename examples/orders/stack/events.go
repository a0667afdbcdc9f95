package stack

import (
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"

	"github.com/lambda-cqrs/cqrs/doctor/sam"
	"github.com/lambda-cqrs/cqrs/local"
)

// listener returns what has events of that type reach the function, or nil.
func listener(kind string) func(f *local.Function, id string, p *sam.Properties) error {
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
func (s *Stack) connect(r *resource) error {
	for key, events := range sam.Pairs(r.Properties) {
		if key.Value != "Events" {
			continue
		}
		for id, event := range sam.Pairs(events) {
			if err := s.listen(id.Value, event); err != nil {
				return fmt.Errorf("line %d: event %s: %w", id.Line, id.Value, err)
			}
		}
	}
	return nil
}

func (s *Stack) listen(id string, event *yaml.Node) error {
	var kind string
	var node *yaml.Node
	for key, value := range sam.Pairs(event) {
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
	p, err := s.resolver.Properties("event "+kind, node, ignored)
	if err == nil {
		err = listen(s.function, id, p)
	}
	if err == nil {
		err = p.Unknown()
	}
	return err
}

func onQueue(f *local.Function, _ string, p *sam.Properties) error {
	options, err := batches(p)
	if err != nil {
		return err
	}
	return f.OnQueue(p.Text("Queue"), options...)
}

func onStream(f *local.Function, _ string, p *sam.Properties) error {
	options, err := batches(p)
	if err != nil {
		return err
	}
	if p.Text("BisectBatchOnFunctionError") == "true" {
		options = append(options, local.BisectOnError())
	}
	switch position := p.Text("StartingPosition"); position {
	case "TRIM_HORIZON":
	case "LATEST":
		options = append(options, local.FromLatest())
	default:
		return fmt.Errorf("the StartingPosition is TRIM_HORIZON or LATEST, not %q", position)
	}
	var retries, age *int
	var to destinations
	for property, v := range map[string]any{
		"MaximumRetryAttempts": &retries, "MaximumRecordAgeInSeconds": &age, "DestinationConfig": &to,
	} {
		if _, err := p.Exactly(property, v); err != nil {
			return err
		}
	}
	if retries != nil {
		options = append(options, local.MaxRetries(*retries))
	}
	if age != nil {
		options = append(options, local.MaxRecordAge(seconds(*age)))
	}
	if to.OnFailure.Destination != "" {
		options = append(options, local.OnFailure(to.OnFailure.Destination))
	}
	return f.OnStream(p.Text("Stream"), options...)
}

// batches are the options that queues and streams have in common.
func batches(p *sam.Properties) ([]local.SourceOption, error) {
	var options []local.SourceOption
	var types []string
	if _, err := p.Exactly("FunctionResponseTypes", &types); err != nil {
		return nil, err
	}
	if slices.Contains(types, "ReportBatchItemFailures") {
		options = append(options, local.ReportBatchItemFailures())
	}
	var size int
	there, err := p.Exactly("BatchSize", &size)
	if there {
		options = append(options, local.BatchSize(size))
	}
	return options, err
}

func onTopic(f *local.Function, _ string, p *sam.Properties) error {
	policy, err := p.JSON("FilterPolicy")
	if err != nil {
		return err
	}
	var options []local.SourceOption
	if policy != "" {
		options = append(options, local.FilterPolicy(policy))
	}
	return f.OnTopic(p.Text("Topic"), options...)
}

func onBucket(f *local.Function, _ string, p *sam.Properties) error {
	var filter struct {
		S3Key struct {
			Rules []struct{ Name, Value string }
		}
	}
	if _, err := p.Exactly("Filter", &filter); err != nil {
		return err
	}
	options := []local.SourceOption{local.ObjectEvents(p.Text("Events"))}
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
	return f.OnBucket(p.Text("Bucket"), options...)
}

func onPattern(f *local.Function, id string, p *sam.Properties) error {
	pattern, err := p.JSON("Pattern")
	if err != nil {
		return err
	}
	return f.OnRule(name(id), local.EventPattern(pattern))
}

func onSchedule(f *local.Function, id string, p *sam.Properties) error {
	return f.OnRule(name(id), local.Schedule(p.Text("Schedule")))
}
