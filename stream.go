package cqrs

import (
	"context"

	"github.com/lambda-cqrs/cqrs/internal/image"
	"github.com/lambda-cqrs/cqrs/internal/lambdaevent"
	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// dynamoDBRecords are the records of a DynamoDB stream. Where the factory is a
// mux, their events are made of the images in passing, as far as it can be told
// so early which rule will take them.
type dynamoDBRecords struct {
	list[streamRecord]

	factory EventFactory
	lean    leanFactory // the same, where it is one
	mux     *Mux        // in it; nil where there is none

	// Of the record that is being read:
	known   DynamoDBRecord // as far as it goes; of its stream it is a guess
	scanner scan.Scanner
	slab    image.Slab
	event   Event // that was made in passing
}

type streamRecord struct {
	DynamoDBRecord

	event Event // made in passing, or nil
}

func (r *dynamoDBRecords) read(w *lambdaevent.Walk, m *Message) error {
	if r.mux != nil {
		w.ReadImages(r)
	}
	var decoded lambdaevent.DynamoDBRecord
	r.event = nil
	err := w.DynamoDB(&decoded)
	record := r.next()
	fillDynamoDBRecord(&record.DynamoDBRecord, &decoded)
	if record.EventSourceARN == r.known.EventSourceARN {
		record.event = r.event
	}
	r.known.EventSourceARN = record.EventSourceARN
	m.ID = record.EventID
	m.ARN = record.EventSourceARN
	m.Sequence = record.SequenceNumber
	m.Time = record.ApproximateCreationTime
	m.CorrelationID = m.ID
	m.payload = record.image().text
	if m.payload == "" {
		m.payload = record.Keys.text
	}
	if err != nil || record.Keys.IsZero() {
		return err
	}
	m.Group, err = groupOf(record.Keys)
	return err
}

func (r *dynamoDBRecords) transform(ctx context.Context, i int, _ *Message, into []Event) ([]Event, error) {
	record := &r.all[i]
	switch {
	case record.event != nil:
		return append(into, record.event), nil
	case r.lean != nil:
		return r.lean.transformItem(&record.DynamoDBRecord, into)
	default:
		return r.factory.TransformDynamoDBStream(ctx, &record.DynamoDBRecord)
	}
}

// ReadImage makes the event of an image that its rule will decode. Whatever goes
// wrong here goes wrong once more in transform, where it is the record's failure.
func (r *dynamoDBRecords) ReadImage(member, eventName, keys string, s scan.Scanner) (behind scan.Scanner, done bool) {
	r.known.EventName, r.known.Keys = eventName, Image{text: keys}
	op := r.known.op()
	if (op == Removed) != (member == "OldImage") {
		return s, false
	}
	rule := r.mux.early(&r.known, op)
	if rule == nil {
		return s, false
	}
	r.scanner = s
	if err := r.pass(rule); err != nil {
		r.event = nil
		return s, false
	}
	return r.scanner, true
}

func (r *dynamoDBRecords) pass(rule *rule[DynamoDBRecord]) (err error) {
	defer recoverTo(&err)
	r.event, err = rule.pass(&r.scanner, &r.slab)
	return err
}

// early returns the rule that will take a record of which only the operation,
// the keys and, presumably, the stream are known, where that can be told and the
// rule decodes nothing but the image.
func (m *Mux) early(known *DynamoDBRecord, op ChangeOp) *rule[DynamoDBRecord] {
	s := subject{name: known.Table(), arn: known.EventSourceARN, item: known}
	for i := range m.dynamoDB.rules {
		r := &m.dynamoDB.rules[i]
		if r.ops&op == 0 {
			continue
		}
		if !r.match.isEarly(known) {
			return nil
		}
		if r.match.matches(&s) {
			if r.pass == nil {
				return nil
			}
			return r
		}
	}
	return nil
}

// isEarly reports whether a matcher looks at nothing but what is known.
func (m *Matcher) isEarly(known *DynamoDBRecord) bool {
	switch m.kind {
	case matchAny:
		return true
	case matchOrigin:
		return known.EventSourceARN != ""
	case matchPKPrefix:
		return !known.Keys.IsZero()
	case matchAll:
		for i := range m.all {
			if !m.all[i].isEarly(known) {
				return false
			}
		}
		return true
	default:
		return false
	}
}
