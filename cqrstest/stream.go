package cqrstest

import (
	"fmt"
	"strings"
	"time"

	"github.com/lambda-cqrs/cqrs"
)

// Stream is a batch from the stream of a DynamoDB table, given by the table's
// name or the stream's ARN.
// https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
func Stream(table string, changes ...Change) Payload {
	arn := table
	if !strings.HasPrefix(table, "arn:") {
		arn = newARN("dynamodb", "table/"+table+"/stream/2026-01-01T00:00:00.000")
	}
	p := Payload{source: cqrs.SourceDynamoDB}
	sequence := newSequence(30)
	for _, c := range changes {
		p.records = append(p.records, c.record(arn, sequence))
	}
	return p
}

// Change is one record of a stream. Its methods return a changed copy.
type Change struct {
	name     string
	old, new any
	keys     []string
	id       string
	sequence string
	at       time.Time
	view     string
	expired  bool
}

// Insert is the creation of an item: a struct with tags as in
// attributevalue.MarshalMap, a map, or a [cqrs.Image].
func Insert(item any) Change { return Change{name: "INSERT", new: item} }

// Modify is a change of an item.
func Modify(before, after any) Change { return Change{name: "MODIFY", old: before, new: after} }

// Remove is the deletion of an item.
func Remove(item any) Change { return Change{name: "REMOVE", old: item} }

// Keys are the names of the key attributes. The default is those of pk, sk, PK
// and SK that the item has.
func (c Change) Keys(names ...string) Change { c.keys = names; return c }

// ID is the eventID; the default is a new one.
func (c Change) ID(id string) Change { c.id = id; return c }

// Sequence is the sequence number; the default rises within the payload.
func (c Change) Sequence(number string) Change { c.sequence = number; return c }

// At is when the change happened, to the second; the default is now.
func (c Change) At(t time.Time) Change { c.at = t; return c }

// View is the stream's view type: KEYS_ONLY, NEW_IMAGE, OLD_IMAGE or the
// default, NEW_AND_OLD_IMAGES. What it leaves out is not in the record.
func (c Change) View(streamViewType string) Change { c.view = streamViewType; return c }

// ExpiredByTTL marks a removal as one by DynamoDB itself.
func (c Change) ExpiredByTTL() Change { c.expired = true; return c }

func (c Change) record(arn string, sequence *sequence) record {
	if c.id == "" {
		c.id = randomHex(16)
	}
	if c.sequence == "" {
		c.sequence = sequence.String()
	}
	if c.at.IsZero() {
		c.at = time.Now()
	}
	if c.view == "" {
		c.view = "NEW_AND_OLD_IMAGES"
	}
	before, after := imageOf(c.old), imageOf(c.new)
	keys := c.keyImage(before, after)
	data := record{
		"ApproximateCreationDateTime": c.at.Unix(),
		"Keys":                        keys,
		"SequenceNumber":              c.sequence,
		"StreamViewType":              c.view,
	}
	if after != nil && strings.Contains(c.view, "NEW_") {
		data["NewImage"] = after
	}
	if before != nil && strings.Contains(c.view, "OLD_") {
		data["OldImage"] = before
	}
	size := 0
	for _, image := range []string{"Keys", "NewImage", "OldImage"} {
		if has(data, image) {
			size += len(encode(data[image]))
		}
	}
	data["SizeBytes"] = size
	r := record{
		"eventID":        c.id,
		"eventName":      c.name,
		"eventVersion":   "1.1",
		"eventSource":    string(cqrs.SourceDynamoDB),
		"awsRegion":      regionOf(arn),
		"dynamodb":       data,
		"eventSourceARN": arn,
	}
	if c.expired {
		r["userIdentity"] = record{"type": "Service", "principalId": "dynamodb.amazonaws.com"}
	}
	return r
}

// keyImage takes the key attributes out of whichever image there is.
func (c Change) keyImage(before, after record) record {
	item := after
	if item == nil {
		item = before
	}
	names := c.keys
	if names == nil {
		for _, name := range []string{"pk", "sk", "PK", "SK"} {
			if has(item, name) {
				names = append(names, name)
			}
		}
	}
	if len(names) == 0 {
		panic("cqrstest: the item has no pk: name its key attributes with Keys")
	}
	keys := record{}
	for _, name := range names {
		value, ok := item[name]
		if !ok {
			panic(fmt.Sprintf("cqrstest: the item has no key attribute %q", name))
		}
		keys[name] = value
	}
	return keys
}

// imageOf is the item in DynamoDB's JSON, nil where there is none.
func imageOf(item any) record {
	if item == nil {
		return nil
	}
	image, ok := item.(cqrs.Image)
	if !ok {
		var err error
		if image, err = cqrs.NewImage(item); err != nil {
			panic("cqrstest: " + err.Error())
		}
	}
	if image.IsZero() {
		return nil
	}
	return decoded(image.Raw())
}
