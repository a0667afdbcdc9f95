package doctor

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/lambda-cqrs/cqrs"
)

// Check compares code with a deployment. It returns what is wrong, the worst first;
// nil where nothing is.
func Check(code Code, d Deployment) []Finding {
	r := &report{code: code, deployment: d}
	rules, known := cqrs.RulesOf(code.Config.Factory)
	if !known {
		r.add(Note, "factory-unknown", d.Function.Name, "Wrap a Mux in Envelopes at most, to have it compared",
			"which records a factory of type %T takes cannot be seen, so mappings are not compared with it", code.Config.Factory)
	} else {
		r.sources(rules)
		r.views(rules)
	}
	r.mappings()
	r.queues()
	r.async()
	r.tasks(rules)
	r.settings()
	r.outcomes()
	r.permissions()
	for _, part := range d.Unread {
		r.add(Note, "unread", d.Function.Name, "Check by hand what belongs to it", "nobody has looked at %s", part)
	}
	return r.sorted()
}

// settings compares the function's own settings, and the tables of stores.
func (r *report) settings() {
	f := r.deployment.Function
	for _, name := range r.code.Variables {
		if _, ok := f.Environment[name]; !ok {
			r.add(Error, "variable-missing", name, "Add it to the function's environment",
				"the code needs the variable, and the function has not got it")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(f.Environment)) {
		if len(r.code.Variables) > 0 && !slices.Contains(r.code.Variables, name) {
			r.add(Note, "variable-unknown", name, "Remove it, or read it", "the function has the variable, and the code does not read it")
		}
	}
	if limit := r.code.Config.Policy.Timeout; limit >= f.Timeout {
		r.add(Warning, "timeout-long", f.Name, "Give the policy a shorter Timeout, or the function a longer one",
			"a handler may take %v, and the function has %v: its deadline comes first, and no second attempt has time", limit, f.Timeout)
	}
	if t := r.storeTable(r.code.IdempotencyTable); t != nil {
		if attribute := cmp.Or(r.code.IdempotencyTTL, "expiration"); t.TTL != attribute {
			r.add(Warning, "idempotency-ttl", t.Name, "Turn the time to live on, with the attribute "+attribute,
				"its time to live does not go by the attribute %s: outcomes stay for ever", attribute)
		}
		if len(t.Keys) != 1 {
			r.add(Error, "idempotency-key", t.Name, `Give it the partition key "id", and no sort key`,
				"its key is %v, and no claim can be written", t.Keys)
		}
	}
	if t := r.storeTable(r.code.SyncTable); t != nil && t.TTL != "" {
		r.add(Error, "sync-ttl", t.Name, "Turn the time to live off",
			"it has a time to live (%s): once a tombstone is gone, an old version brings back what was deleted", t.TTL)
	}
}

// outcomes checks that they are remembered for as long as their event may come again.
func (r *report) outcomes() {
	longest, from := time.Duration(0), ""
	for _, m := range r.deployment.Mappings {
		stays := 24 * time.Hour // of a stream of DynamoDB; of Kinesis by default
		switch q := r.deployment.queue(m.Source); {
		case q != nil:
			stays = q.Retention
		case service(m.Source) == "sqs" || service(m.Source) == "dynamodb" && slices.Contains(r.syncs(), lastName(m.Source)):
			continue // not known; and not idempotent but gated
		case m.RecordAge > 0:
			stays = min(stays, m.RecordAge)
		}
		if stays > longest {
			longest, from = stays, lastName(m.Source)
		}
	}
	policies := map[string]cqrs.Policy{"Config.Policy": r.code.Config.Policy}
	for _, route := range r.code.routes() {
		if route.Policy != nil {
			policies["the policy of "+route.Name] = *route.Policy
		}
	}
	for _, name := range slices.Sorted(maps.Keys(policies)) {
		if ttl := policies[name].Times().IdempotencyTTL; ttl > 0 && ttl < longest {
			r.add(Warning, "idempotency-short", name, "Set cqrs.IdempotencyTTL to more than that",
				"outcomes are remembered for %v, and %s may deliver a record again for %v: then it runs once more", ttl, from, longest)
		}
	}
}

// storeTable finds a table that the code names.
func (r *report) storeTable(name string) *Table {
	if name == "" {
		return nil
	}
	t := r.deployment.table(name)
	if t == nil {
		r.add(Error, "table-missing", name, "Deploy it, or correct its name", "the code keeps something in a table that is not there")
	}
	return t
}

// async checks what becomes of events that nobody waits for the answer of.
func (r *report) async() {
	f := r.deployment.Function
	var sources []string
	for _, s := range r.deployment.Subscriptions {
		if s.Endpoint == f.ARN {
			sources = append(sources, "SNS")
			break
		}
	}
	if len(r.deployment.Buckets) > 0 {
		sources = append(sources, "S3")
	}
	if len(r.deployment.Rules) > 0 {
		sources = append(sources, "EventBridge")
	}
	if len(sources) == 0 {
		return
	}
	if f.AsyncDestination == "" {
		r.add(Error, "async-destination", f.Name, "Give its EventInvokeConfig a destination on failure: a queue that somebody watches",
			"events of %v that fail are dropped after %d more attempts", sources, f.AsyncRetries)
	}
	if f.AsyncRetries == 0 {
		r.add(Warning, "async-retries", f.Name, "Allow 2", "events of %v are not tried again: what fails once is given up", sources)
	}
	if q := r.deployment.queue(f.AsyncDestination); q != nil {
		r.keepsLong(*q, 0)
	}
	r.deliveries()
}

// deliveries checks what becomes of what cannot be given to the function: throttled
// for too long, or without the permission.
// https://docs.aws.amazon.com/sns/latest/dg/sns-dead-letter-queues.html
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-event-delivery.html
func (r *report) deliveries() {
	for _, s := range r.deployment.Subscriptions {
		if s.DeadLetters == "" {
			r.add(Warning, "delivery-dead-letters", lastName(s.Topic), "Give the subscription a RedrivePolicy with a queue",
				"what SNS cannot deliver to %s, for want of a permission for instance, is dropped", lastName(s.Endpoint))
		}
	}
	for _, e := range r.deployment.Rules {
		if e.DeadLetters == "" && !e.Schedule { // the next time comes by itself
			r.add(Warning, "delivery-dead-letters", eventName(e), "Give its target a DeadLetterConfig with a queue",
				"what EventBridge cannot deliver within a day is dropped")
		}
	}
}

// keepsLong checks a queue that takes what was given up, from one that keeps its
// messages for so long.
func (r *report) keepsLong(q Queue, from time.Duration) {
	const week = 7 * 24 * time.Hour
	switch {
	case from > 0 && !q.FIFO() && q.Retention <= from:
		r.add(Warning, "dead-letter-retention", q.Name, "Let it keep them 14 days",
			"it keeps messages for %s, and they have been up to %s in their first queue by then, which counts",
			days(q.Retention), days(from))
	case q.Retention < week:
		r.add(Warning, "dead-letter-retention", q.Name, "Let it keep them 14 days",
			"what was given up is gone after %s: a long weekend may be longer", days(q.Retention))
	}
}

func days(d time.Duration) string { return fmt.Sprintf("%g days", d.Hours()/24) }
