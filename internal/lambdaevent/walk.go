package lambdaevent

import (
	"github.com/aws/aws-lambda-go/events"

	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// Walk reads the records of a payload one after the other, in the one pass that
// finds out what the payload is:
//
//	walk, ok := Open(text, true)
//	for ok && walk.Next() {
//		err := walk.SQS(&message, &attributes)
//		…
//	}
//	payload, ok := walk.Close()
//
// It only knows what nearly every payload looks like: an object that begins with
// Records of one event source that is served. Wherever it says no, what it gave
// so far is void, and [Detect] says what the payload is; where it says yes, it
// says what Detect and the Decode functions would.
type Walk struct {
	reader

	kind   Kind
	source string // of every record
	start  int    // of the record that was read last
	odd    bool
}

// Open starts a walk. A lean one makes no maps: neither attributes nor message
// attributes nor response elements, although they are checked.
func Open(text string, lean bool) (w Walk, ok bool) {
	w = Walk{reader: newReader(text)}
	w.lean = lean
	if w.Kind() != scan.Object || !w.Object() {
		return w, false
	}
	if name, _ := w.Field(); name != "Records" || w.Kind() != scan.Array {
		return w, false
	}
	w.Array()
	ahead := w.Scanner
	if !ahead.Element() || ahead.Kind() != scan.Object {
		return w, false
	}
	w.source = readSourceOnly(&ahead)
	w.kind = kindOf(w.source)
	return w, w.kind != 0
}

// readSourceOnly is readSource without the rest of the record.
func readSourceOnly(s *scan.Scanner) string {
	s.Object()
	for name, ok := s.Field(); ok; name, ok = s.Field() {
		if name == "eventSource" || name == "EventSource" {
			source, _ := readText(s)
			return source
		}
		s.Skip()
	}
	return ""
}

// WalkRecord starts a walk over a record that [Detect] has cut out.
func WalkRecord(raw string, lean bool) Walk {
	w := Walk{reader: newReader(raw)}
	w.lean = lean
	return w
}

// ReadImages lets another one read the images of DynamoDB's records.
func (w *Walk) ReadImages(images ImageReader) { w.images = images }

// RecordKind is what the records are.
func (w *Walk) RecordKind() Kind { return w.kind }

// Next moves to the next record, which the caller reads by the method of its
// kind. It returns false behind the last one, and where the walk has to end.
func (w *Walk) Next() bool {
	if w.odd || !w.Element() {
		return false
	}
	w.first, w.torn = nil, false
	if w.Scanner.Kind() != scan.Object {
		w.odd = true
		return false
	}
	w.start = w.Pos()
	return true
}

// Raw is the text of the record that was read last.
func (w *Walk) Raw() string {
	if w.single() {
		return w.input
	}
	return w.input[w.start:w.Pos()]
}

// single tells a record that was cut out from one among others.
func (w *Walk) single() bool { return w.source == "" }

// done ends a record. Its source must be that of all others, and must stand in
// no other spelling beside it.
func (w *Walk) done(source string) error {
	if w.single() {
		return w.end()
	}
	if source != w.source || w.alien || w.Err() != nil {
		w.odd = true
	}
	if w.first != nil {
		return w.first
	}
	return nil
}

// SQS reads a message as [DecodeSQS] does.
func (w *Walk) SQS(m *events.SQSMessage, a *Attributes) error {
	w.sqs(m, a)
	return w.done(m.EventSource)
}

// SNS reads a record as [DecodeSNS] does.
func (w *Walk) SNS(record *events.SNSEventRecord, a *Attributes) error {
	w.sns(record, a)
	return w.done(record.EventSource)
}

// DynamoDB reads a record as [DecodeDynamoDB] does.
func (w *Walk) DynamoDB(record *DynamoDBRecord) error {
	w.dynamoDB(record)
	return w.done(record.EventSource)
}

// Kinesis reads a record as [DecodeKinesis] does.
func (w *Walk) Kinesis(record *events.KinesisEventRecord) error {
	w.kinesis(record)
	return w.done(record.EventSource)
}

// S3 reads a record as [DecodeS3] does.
func (w *Walk) S3(record *events.S3EventRecord, a *Attributes) error {
	w.s3(record, a)
	return w.done(record.EventSource)
}

// EventBridge reads an event as [DecodeEventBridge] does.
func (w *Walk) EventBridge(event *events.EventBridgeEvent) error {
	w.eventBridge(event)
	return w.end()
}

// StepFunctions reads a task as [DecodeStepFunctions] does.
func (w *Walk) StepFunctions(task *StepFunctionsTask) error {
	w.task(task)
	return w.end()
}

// Close reads what stands behind the records. The payload has none of the texts
// of its records.
func (w *Walk) Close() (Payload, bool) {
	if w.odd {
		return Payload{}, false
	}
	d := detector{Scanner: w.Scanner, text: w.input}
	d.names.again("Records")
	d.members()
	if d.End() != nil || d.duplicate != nil {
		return Payload{}, false
	}
	p := Payload{Kind: w.kind}
	p.window(&d)
	return p, true
}
