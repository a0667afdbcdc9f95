package doctor

import (
	"reflect"
	"slices"
	"strings"

	"github.com/lambda-cqrs/cqrs"
)

// mappings checks each event source mapping by itself.
func (r *report) mappings() {
	for _, m := range r.deployment.Mappings {
		name := lastName(m.Source)
		if !m.Enabled {
			r.add(Warning, "mapping-disabled", name, "Enable it", "the mapping is disabled: nothing arrives, and what waits grows old")
		}
		whole := r.code.Config.BatchMode == cqrs.WholeBatch
		switch {
		case !m.ReportsItems && !whole:
			r.add(Error, "batch-failures-unreported", name,
				"Add ReportBatchItemFailures to FunctionResponseTypes, or set Config.BatchMode to WholeBatch",
				"the mapping ignores which records failed: AWS takes every answer for success, and deletes them")
		case m.ReportsItems && whole:
			r.add(Warning, "batch-failures-unused", name, "Leave Config.BatchMode at PartialFailures",
				"the mapping would take a partial answer, and the code fails the whole batch: what succeeded runs again")
		}
		if service(m.Source) != "sqs" {
			r.stream(m, name)
		}
	}
}

// stream checks a mapping of DynamoDB Streams or Kinesis.
// https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html
func (r *report) stream(m Mapping, name string) {
	if m.Retries < 0 && m.RecordAge < 0 {
		r.add(Warning, "stream-retries", name, "Limit MaximumRetryAttempts or MaximumRecordAgeInSeconds, with a destination on failure",
			"a record that always fails is tried until it leaves the stream: it blocks its shard for a day or more, "+
				"and then is gone with all that the stream has lost meanwhile")
	}
	if m.Destination == "" {
		r.add(Error, "stream-destination", name, "Give its DestinationConfig a destination on failure: a queue that somebody watches",
			"records that are given up go nowhere: they are lost")
	} else if q := r.deployment.queue(m.Destination); q != nil {
		r.keepsLong(*q, 0)
	}
	if !m.Bisects {
		r.add(Warning, "stream-bisect", name, "Set BisectBatchOnFunctionError",
			"where the whole function fails, good records share the attempts of a bad one, and are given up with it")
	}
	if m.Latest {
		r.add(Warning, "stream-latest", name, "Start at TRIM_HORIZON: what comes twice does no harm",
			"the mapping begins with what is written once it is there: what is written before that, and while it is made, never arrives")
	}
}

// queues checks the queues that are mapped, and those that take what they give up.
// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
func (r *report) queues() {
	d := r.deployment
	failures := map[string]bool{}
	for _, q := range d.Queues {
		failures[q.DeadLetters] = true
	}
	seen := map[string]bool{}
	for _, m := range d.Mappings {
		if service(m.Source) != "sqs" {
			continue
		}
		q := d.queue(m.Source)
		if q == nil {
			r.add(Note, "unread", lastName(m.Source), "Check its visibility timeout and its redrive policy by hand",
				"the queue could not be looked at")
			continue
		}
		if least := 6*d.Function.Timeout + m.BatchingWindow; q.Visibility < least {
			r.add(Error, "queue-visibility", q.Name, "Make it six times the function's timeout, and the batching window",
				"its visibility timeout is %v and should be %v at least: a message comes again while it is still being handled",
				q.Visibility, least)
		}
		limit, set := r.code.Config.MaxReceives[q.Name]
		switch {
		case q.DeadLetters == "" && !failures[q.ARN]:
			r.add(Warning, "queue-dead-letters", q.Name, "Give it a RedrivePolicy, with a maxReceiveCount of 5 or more",
				"what always fails comes again until it is too old, and then is deleted")
		case q.DeadLetters == "":
		case q.MaxReceives < 5:
			r.add(Warning, "queue-receives", q.Name, "Make its maxReceiveCount 5 or more",
				"a message is given up after %d receives, and one that Lambda has throttled counts as received", q.MaxReceives)
		}
		if q.DeadLetters != "" && set && limit != q.MaxReceives {
			r.add(Error, "queue-last-attempt", q.Name, "Let Config.MaxReceives and maxReceiveCount be the same",
				"the code takes attempt %d for the last one, and the queue allows %d", limit, q.MaxReceives)
		}
		if q.DeadLetters != "" && !set && r.code.Config.Alarm != nil {
			r.add(Note, "queue-last-attempt", q.Name, "Put its maxReceiveCount into Config.MaxReceives",
				"the code does not know which attempt is the last, so what fails for good raises no alarm")
		}
		if dead := d.queue(q.DeadLetters); dead != nil && !seen[dead.ARN] {
			seen[dead.ARN] = true
			r.keepsLong(*dead, q.Retention)
			if dead.FIFO() != q.FIFO() {
				r.add(Error, "dead-letter-kind", dead.Name, "Make both FIFO queues, or neither",
					"the dead-letter queue of a FIFO queue has to be one, and of another queue has to be none")
			}
		}
	}
}

// views checks that the streams carry the images that are decoded from them.
func (r *report) views(rules []cqrs.Rule) {
	syncs := r.syncs()
	for _, name := range syncs {
		if t := r.deployment.table(name); t != nil && t.View != "" && !strings.HasPrefix(t.View, "NEW_") {
			r.add(Error, "stream-view", name, "Make its StreamViewType NEW_IMAGE, or NEW_AND_OLD_IMAGES where blobs are collected",
				"the data sync applies new images, and the stream has %s: every record fails", t.View)
		}
	}
	for _, m := range r.deployment.Mappings {
		t := r.deployment.table(lastName(m.Source))
		if service(m.Source) != "dynamodb" || t == nil || slices.Contains(syncs, t.Name) {
			continue // the records of a data sync bypass the factory
		}
		for _, rule := range rules {
			whole := rule.Event == reflect.TypeFor[cqrs.DynamoDBRecord]() // takes what there is
			if rule.Source == cqrs.SourceDynamoDB && !whole && named(rule.Origin, m.Source) {
				r.view(t, rule)
			}
		}
	}
}

func (r *report) view(t *Table, rule cqrs.Rule) {
	newer := strings.HasPrefix(t.View, "NEW_")
	older := t.View == "OLD_IMAGE" || t.View == "NEW_AND_OLD_IMAGES"
	const fix = "Make its StreamViewType NEW_AND_OLD_IMAGES"
	switch {
	case rule.Ops&(cqrs.Inserted|cqrs.Modified) != 0 && !newer:
		r.add(Error, "stream-view", t.Name, fix,
			"%s decodes new images, and the stream has %s: every record fails", rule.Text, viewOf(t.View))
	case rule.Change && !older:
		r.add(Error, "stream-view", t.Name, fix,
			"%s gets no old images from a stream of %s: what was there before is nil, as if it were new", rule.Text, viewOf(t.View))
	case rule.Ops == cqrs.Removed && !older:
		r.add(Warning, "stream-view", t.Name, fix,
			"%s gets nothing but keys of what was removed from a stream of %s", rule.Text, viewOf(t.View))
	}
}

func viewOf(view string) string {
	if view == "" {
		return "no images, since it is off"
	}
	return view
}
