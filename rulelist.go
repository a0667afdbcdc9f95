package cqrs

import (
	"maps"
	"reflect"
	"slices"
)

// Rule is what can be seen of a rule of a [Mux]: which records it takes, for tools
// that compare the code with what is deployed. What is empty asks for nothing.
type Rule struct {
	Source Source
	Event  reflect.Type // what the rule makes
	Origin string       // the queue, topic, stream, table or bucket: a name or an ARN, as it was given

	KeyPrefix, KeySuffix string // S3
	EventName            string // S3: a prefix, without "s3:"

	Ops    ChangeOp // DynamoDB
	Change bool     // DynamoDB: a Change, of which the old image is a part

	EventSource, DetailType string // EventBridge

	TaskType string // Step Functions

	Text string // as errors call it, such as OnSQS[orders.Created](Queue("orders"))
}

// RulesOf lists the rules of a factory that is a [Mux], or one in [Envelopes]: by
// source, each source's in their order. It reports false for any other factory:
// nobody can know what that takes. A nil factory takes nothing.
func RulesOf(f EventFactory) (rules []Rule, known bool) {
	switch f := f.(type) {
	case nil:
		return nil, true
	case *Mux:
		return f.Rules(), true
	case *envelopes:
		return RulesOf(f.EventFactory)
	default:
		return nil, false
	}
}

// EnvelopesOf returns what a factory that was made by [Envelopes] opens: by the
// queue or topic, as it was given to [From], outermost first. The caller owns it.
func EnvelopesOf(f EventFactory) map[string][]Envelope {
	opened := map[string][]Envelope{}
	for e, ok := f.(*envelopes); ok; e, ok = e.EventFactory.(*envelopes) {
		maps.Copy(opened, e.layers)
	}
	for carrier, layers := range opened {
		opened[carrier] = slices.Clone(layers)
	}
	return opened
}

// IgnoresUnrouted reports whether a factory that [RulesOf] knows acknowledges what no
// rule takes: see [Mux.IgnoreUnrouted].
func IgnoresUnrouted(f EventFactory) bool {
	switch f := f.(type) {
	case *Mux:
		return f.ignoreUnrouted
	case *envelopes:
		return IgnoresUnrouted(f.EventFactory)
	default:
		return false
	}
}

// Rules lists the rules by source, each source's in their order.
func (m *Mux) Rules() []Rule {
	var all []Rule
	all = m.sqs.list(all, SourceSQS)
	all = m.sns.list(all, SourceSNS)
	all = m.s3.list(all, SourceS3)
	all = m.dynamoDB.list(all, SourceDynamoDB)
	all = m.kinesis.list(all, SourceKinesis)
	all = m.eventBridge.list(all, SourceEventBridge)
	return m.stepFunctions.list(all, SourceStepFunctions)
}

func (t *ruleTable[R]) list(all []Rule, source Source) []Rule {
	for _, r := range t.rules {
		seen := Rule{Source: source, Event: r.event, Ops: r.ops, Change: r.change, Text: r.text}
		r.match.describe(&seen)
		all = append(all, seen)
	}
	return all
}

// describe notes what the matcher asks for, and nothing of what is in a message.
func (m Matcher) describe(r *Rule) {
	switch m.kind {
	case matchAll:
		for _, part := range m.all {
			part.describe(r)
		}
	case matchOrigin:
		r.Origin = m.value
	case matchKeyPrefix:
		r.KeyPrefix = longer(r.KeyPrefix, m.value)
	case matchKeySuffix:
		r.KeySuffix = longer(r.KeySuffix, m.value)
	case matchEventName:
		r.EventName = longer(r.EventName, m.value)
	case matchDetail:
		r.EventSource, r.DetailType = m.name, m.value
	case matchType:
		r.TaskType = m.value
	}
}

// longer is the stricter of two prefixes, or suffixes, that both have to hold.
func longer(a, b string) string {
	if len(b) > len(a) {
		return b
	}
	return a
}
