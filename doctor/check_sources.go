package doctor

import (
	"slices"
	"strings"

	"github.com/lambda-cqrs/cqrs"
)

// sources compares the rules of the factory, and the data syncs, with what is
// connected to the function, both ways.
func (r *report) sources(rules []cqrs.Rule) {
	d, syncs := r.deployment, r.syncs()
	for _, table := range syncs {
		if !slices.ContainsFunc(d.Mappings, func(m Mapping) bool { return service(m.Source) == "dynamodb" && named(table, m.Source) }) {
			r.add(Error, "source-missing", table, "Map its stream to the function",
				"the data sync of the table gets nothing: its stream is not mapped")
		}
	}
	opened := cqrs.EnvelopesOf(r.code.Config.Factory)
	for _, rule := range rules {
		if !r.connected(rule, opened) {
			r.add(Error, "source-missing", rule.Text, "Connect it, or remove the rule",
				"nothing that is connected to the function brings records for the rule")
		}
	}
	for _, m := range d.Mappings {
		source := mappingSource(m)
		_, carries := carried(opened, m.Source)
		if carries || source == cqrs.SourceDynamoDB && slices.Contains(syncs, lastName(m.Source)) {
			continue
		}
		r.unrouted(lastName(m.Source), rules, func(rule cqrs.Rule) bool { return rule.Source == source && named(rule.Origin, m.Source) })
	}
	r.unroutedEvents(rules, opened)
}

// unroutedEvents are those of sources that have no mapping.
func (r *report) unroutedEvents(rules []cqrs.Rule, opened map[string][]cqrs.Envelope) {
	d := r.deployment
	for _, s := range d.Subscriptions {
		if _, carries := carried(opened, s.Topic); s.Endpoint == d.Function.ARN && !carries {
			r.unrouted(lastName(s.Topic), rules, func(rule cqrs.Rule) bool {
				return rule.Source == cqrs.SourceSNS && named(rule.Origin, s.Topic)
			})
		}
		r.delivery(s, opened)
	}
	for _, b := range d.Buckets {
		r.unrouted(b.Name+"/"+b.Prefix, rules, func(rule cqrs.Rule) bool { return notifies(b, rule) })
	}
	for _, e := range d.Rules {
		r.unrouted(eventName(e), rules, func(rule cqrs.Rule) bool { return matches(e, rule) })
	}
	for _, task := range d.Tasks {
		if task.Type != "" {
			r.unrouted(task.Machine+"/"+task.State, rules, func(rule cqrs.Rule) bool { return rule.TaskType == task.Type })
		}
	}
}

// syncs are the command tables of the data syncs.
func (r *report) syncs() (tables []string) {
	for _, route := range r.code.routes() {
		if route.Table != "" {
			tables = append(tables, route.Table)
		}
	}
	return tables
}

func (r *report) unrouted(resource string, rules []cqrs.Rule, takes func(cqrs.Rule) bool) {
	if !slices.ContainsFunc(rules, takes) {
		if cqrs.IgnoresUnrouted(r.code.Config.Factory) {
			r.add(Warning, "source-unrouted", resource, "Add a rule, or disconnect it",
				"it is connected to the function, and no rule of the factory takes its records: all of them are acknowledged unseen")
			return
		}
		r.add(Error, "source-unrouted", resource, "Add a rule, or disconnect it",
			"it is connected to the function, and no rule of the factory takes its records: all of them fail")
	}
}

// connected reports whether records come for a rule.
func (r *report) connected(rule cqrs.Rule, opened map[string][]cqrs.Envelope) bool {
	d := r.deployment
	for carrier, layers := range opened {
		carries := slices.ContainsFunc(layers, func(e cqrs.Envelope) bool { return sourceIn(e) == rule.Source })
		if carries && r.brings(carrier) {
			return true // what a queue carries cannot be seen from outside
		}
	}
	switch rule.Source {
	case cqrs.SourceSNS:
		return slices.ContainsFunc(d.Subscriptions, func(s Subscription) bool {
			return s.Endpoint == d.Function.ARN && named(rule.Origin, s.Topic)
		})
	case cqrs.SourceS3:
		return slices.ContainsFunc(d.Buckets, func(b Bucket) bool { return notifies(b, rule) })
	case cqrs.SourceEventBridge:
		return slices.ContainsFunc(d.Rules, func(e EventRule) bool { return matches(e, rule) })
	case cqrs.SourceStepFunctions:
		return slices.ContainsFunc(d.Tasks, func(t Task) bool { return t.Type == rule.TaskType || t.Type == "" })
	default:
		return slices.ContainsFunc(d.Mappings, func(m Mapping) bool {
			return mappingSource(m) == rule.Source && named(rule.Origin, m.Source)
		})
	}
}

// brings reports whether a queue or topic is connected to the function.
func (r *report) brings(carrier string) bool {
	d := r.deployment
	return slices.ContainsFunc(d.Mappings, func(m Mapping) bool { return named(carrier, m.Source) }) ||
		slices.ContainsFunc(d.Subscriptions, func(s Subscription) bool { return s.Endpoint == d.Function.ARN && named(carrier, s.Topic) })
}

// delivery checks that what a queue gets from a topic has the form that the
// factory opens.
func (r *report) delivery(s Subscription, opened map[string][]cqrs.Envelope) {
	if service(s.Endpoint) != "sqs" || !slices.ContainsFunc(r.deployment.Mappings, func(m Mapping) bool { return m.Source == s.Endpoint }) {
		return
	}
	layers, _ := carried(opened, s.Endpoint)
	wrapped, raw := slices.Contains(layers, cqrs.SNS), slices.Contains(layers, cqrs.SNSRaw)
	switch {
	case s.Raw && wrapped:
		r.add(Error, "envelope-raw", lastName(s.Endpoint), "Turn raw delivery off, or declare SNSRaw",
			"the factory opens the envelope of SNS, and the subscription of %s delivers without one: all of it fails", lastName(s.Topic))
	case !s.Raw && (raw || !wrapped):
		r.add(Error, "envelope-unopened", lastName(s.Endpoint), "Declare it with Envelopes, or turn raw delivery on",
			"the subscription of %s delivers in the envelope of SNS, and the factory does not open one", lastName(s.Topic))
	}
}

// carried are the envelopes that the factory opens for a queue or topic.
func carried(opened map[string][]cqrs.Envelope, arn string) ([]cqrs.Envelope, bool) {
	for carrier, layers := range opened {
		if carrier == arn || carrier == lastName(arn) {
			return layers, true
		}
	}
	return nil, false
}

func sourceIn(e cqrs.Envelope) cqrs.Source {
	switch e {
	case cqrs.S3:
		return cqrs.SourceS3
	case cqrs.EventBridge:
		return cqrs.SourceEventBridge
	default:
		return cqrs.SourceSNS
	}
}

// mappingSource is what records of a mapping are.
func mappingSource(m Mapping) cqrs.Source {
	switch service(m.Source) {
	case "sqs":
		return cqrs.SourceSQS
	case "dynamodb":
		return cqrs.SourceDynamoDB
	case "kinesis":
		return cqrs.SourceKinesis
	default:
		return ""
	}
}

// named reports whether a rule that was given a name or an ARN, or neither, takes
// what comes from that ARN.
func named(origin, arn string) bool {
	return origin == "" || origin == arn || origin == lastName(arn)
}

// notifies reports whether a rule takes something of what a bucket tells.
func notifies(b Bucket, rule cqrs.Rule) bool {
	if rule.Source != cqrs.SourceS3 || rule.Origin != "" && rule.Origin != b.Name && rule.Origin != "arn:aws:s3:::"+b.Name {
		return false
	}
	if !strings.HasPrefix(b.Prefix, rule.KeyPrefix) && !strings.HasPrefix(rule.KeyPrefix, b.Prefix) ||
		!strings.HasSuffix(b.Suffix, rule.KeySuffix) && !strings.HasSuffix(rule.KeySuffix, b.Suffix) {
		return false
	}
	return slices.ContainsFunc(b.Events, func(event string) bool {
		event = strings.TrimSuffix(strings.TrimPrefix(event, "s3:"), "*")
		return strings.HasPrefix(event, rule.EventName) || strings.HasPrefix(rule.EventName, event)
	})
}

// matches reports whether a factory's rule takes something that EventBridge's lets
// through.
func matches(e EventRule, rule cqrs.Rule) bool {
	if rule.Source != cqrs.SourceEventBridge {
		return false
	}
	if e.Schedule {
		return rule.EventSource == "" || rule.EventSource == "aws.events" && rule.DetailType == "Scheduled Event"
	}
	return (rule.EventSource == "" || e.Sources == nil || slices.Contains(e.Sources, rule.EventSource)) &&
		(rule.DetailType == "" || e.DetailTypes == nil || slices.Contains(e.DetailTypes, rule.DetailType))
}

func eventName(e EventRule) string {
	switch {
	case e.Name != "":
		return e.Name
	case e.Schedule:
		return "a schedule"
	default:
		return strings.Join(append(slices.Clone(e.Sources), e.DetailTypes...), " ")
	}
}
