package cqrs

import (
	"context"
	"fmt"
	"reflect"
	"strings"
	"sync/atomic"

	"github.com/aws/aws-lambda-go/events"

	"github.com/lambda-cqrs/cqrs/internal/image"
	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// Mux is a declarative [EventFactory]: it is to AWS records what
// http.ServeMux is to requests. Rules are added at start-up by [OnSQS],
// [OnSNS], [OnS3], [OnDynamoDB], [OnChange], [OnKinesis], [OnEventBridge] and
// [OnStepFunction]; the first rule that matches a record makes its event. A
// record that no rule matches fails with [ErrUnrouted].
type Mux struct {
	sqs           ruleTable[events.SQSMessage]
	sns           ruleTable[events.SNSEventRecord]
	dynamoDB      ruleTable[DynamoDBRecord]
	kinesis       ruleTable[events.KinesisEventRecord]
	eventBridge   ruleTable[events.EventBridgeEvent]
	stepFunctions ruleTable[StepFunctionsEvent]
	s3            ruleTable[events.S3EventRecord]

	ignoreUnrouted bool
	closed         atomic.Bool
}

var _ EventFactory = (*Mux)(nil)

// NewMux returns a mux without rules.
func NewMux() *Mux { return &Mux{} }

// IgnoreUnrouted lets records that no rule matches be acknowledged. One whose
// text is malformed fails all the same: it might have been anything.
func (m *Mux) IgnoreUnrouted() *Mux {
	m.mustBeOpen("IgnoreUnrouted")
	m.ignoreUnrouted = true
	return m
}

// TransformSQS makes the event of the first rule that matches.
func (m *Mux) TransformSQS(_ context.Context, r *events.SQSMessage) ([]Event, error) {
	t := textRecord{source: SourceSQS, arn: r.EventSourceARN, text: r.Body}
	return m.transformSQS(t, r, nil)
}

// TransformSNS makes the event of the first rule that matches.
func (m *Mux) TransformSNS(_ context.Context, r *events.SNSEventRecord) ([]Event, error) {
	t := textRecord{source: SourceSNS, arn: r.SNS.TopicArn, text: r.SNS.Message}
	return m.transformSNS(t, r, nil)
}

// TransformDynamoDBStream makes the event of the first rule that matches.
func (m *Mux) TransformDynamoDBStream(_ context.Context, r *DynamoDBRecord) ([]Event, error) {
	return m.transformItem(r, nil)
}

// TransformKinesis makes the event of the first rule that matches.
func (m *Mux) TransformKinesis(_ context.Context, r *events.KinesisEventRecord) ([]Event, error) {
	t := textRecord{source: SourceKinesis, arn: r.EventSourceArn, text: string(r.Kinesis.Data)}
	return m.transformKinesis(t, r, nil)
}

// TransformEventBridge makes the event of the first rule that matches.
func (m *Mux) TransformEventBridge(_ context.Context, e *events.EventBridgeEvent) ([]Event, error) {
	s := subject{source: SourceEventBridge, detail: e.Source, typ: e.DetailType, text: string(e.Detail)}
	return transform(m, &m.eventBridge, &made[events.EventBridgeEvent]{record: e}, &s, nil)
}

// TransformStepFunction makes the event of the first rule that matches.
func (m *Mux) TransformStepFunction(_ context.Context, e *StepFunctionsEvent) ([]Event, error) {
	s := subject{source: SourceStepFunctions, typ: e.Type}
	return transform(m, &m.stepFunctions, &made[StepFunctionsEvent]{record: e}, &s, nil)
}

// TransformS3 makes the event of the first rule that matches.
func (m *Mux) TransformS3(_ context.Context, r *events.S3EventRecord) ([]Event, error) {
	s := subject{
		source: SourceS3, name: r.S3.Bucket.Name, arn: r.S3.Bucket.Arn,
		key: r.S3.Object.URLDecodedKey, eventName: r.EventName,
	}
	return transform(m, &m.s3, &made[events.S3EventRecord]{record: r}, &s, nil)
}

// rule makes events of type event out of the records that match.
type rule[R any] struct {
	match  Matcher
	ops    ChangeOp // DynamoDB only
	change bool     // DynamoDB only: of OnChange
	event  reflect.Type
	text   string // for errors: OnSQS[orders.Created](Queue("orders"))
	decode func(*R) (Event, error)
	// read, where it is given, takes the place of decode: it reads the text of the
	// record, as strictly as DecodeJSON.
	read func(text string) (Event, error)
	// pass, where it is given, does what decode does while the record is read. The
	// slab is that of the batch.
	pass func(s *scan.Scanner, slab *image.Slab) (Event, error)
}

// ruleTable holds the rules of one source in their order.
type ruleTable[R any] struct {
	rules  []rule[R]
	fields []string // what TypeField looks at in any of them
}

// addRule appends a rule and panics where it could never match or the mux is
// in use already.
func addRule[T, R any](m *Mux, table *ruleTable[R], on string, source Source, r rule[R]) {
	r.event = reflect.TypeFor[T]()
	condition := r.match.String()
	if r.ops != 0 {
		condition += ", " + r.ops.String()
	}
	r.text = fmt.Sprintf("%s[%s](%s)", on, r.event, condition)
	m.mustBeOpen(r.text)
	checkEventType(r.event)
	if !r.match.appliesTo(source) {
		panic(fmt.Sprintf("cqrs: %s: the matcher does not apply to records of %s", r.text, source))
	}
	for _, other := range table.rules {
		if other.match.String() == r.match.String() && other.ops == r.ops {
			panic(fmt.Sprintf("cqrs: %s matches the same records as %s, which comes first", r.text, other.text))
		}
	}
	table.rules = append(table.rules, r)
	table.fields = r.match.fields(table.fields)
}

func (m *Mux) mustExist(what string) {
	if m == nil {
		panic("cqrs: " + what + " needs a mux; make one with NewMux")
	}
}

func (m *Mux) mustBeOpen(what string) {
	m.mustExist(what)
	if m.closed.Load() {
		panic("cqrs: " + what + " comes after New or the first record: add every rule before")
	}
}

// close ends the adding of rules.
func (m *Mux) close() {
	if !m.closed.Load() {
		m.closed.Store(true)
	}
}

// made is aws-lambda-go's form of a record, made of its text when a rule wants
// it.
type made[R any] struct {
	record *R
	raw    string
	decode func(raw string, record *R) error
}

func (m *made[R]) get() (*R, error) {
	if m.record == nil {
		m.record = new(R)
		if err := m.decode(m.raw, m.record); err != nil {
			return nil, decodeError(err)
		}
	}
	return m.record, nil
}

// transform runs the first rule of the table that matches, and puts its event
// behind those of into.
func transform[R any](m *Mux, table *ruleTable[R], record *made[R], s *subject, into []Event) ([]Event, error) {
	m.close()
	s.look(table.fields)
	for i := 0; i < len(table.rules); i++ {
		r := &table.rules[i]
		if r.ops != 0 && r.ops&s.item.op() == 0 || !r.match.matches(s) {
			continue
		}
		event, err := r.make(record, s)
		if err == nil {
			return append(into, event), nil
		}
		if s.doubtful {
			s.doubtful = false
			i = -1
			continue
		}
		return nil, fmt.Errorf("rule %s: %w", r.text, err)
	}
	if err := s.malformed(); err != nil {
		return nil, err
	}
	if m.ignoreUnrouted {
		return nil, nil
	}
	return nil, s.unrouted(len(table.rules))
}

// make decodes the record. Where the rule matched by a part of a text that turns
// out to be malformed, the subject is doubtful afterwards: the rules must be
// asked again.
func (r *rule[R]) make(record *made[R], s *subject) (Event, error) {
	if r.read != nil {
		event, err := r.read(s.text)
		if err != nil {
			s.finish()
		}
		return event, err
	}
	if s.finish(); s.doubtful {
		return nil, s.err
	}
	whole, err := record.get()
	if err != nil {
		return nil, err
	}
	return r.decode(whole)
}

// malformed tells a record that no rule could have read from one that no rule
// wanted.
func (s *subject) malformed() error {
	if s.finish(); s.err != nil {
		return &DecodeError{Stage: "body", Err: s.err}
	}
	if s.item == nil {
		return nil
	}
	for _, i := range []Image{s.item.Keys, s.item.NewImage, s.item.OldImage} {
		if i.IsZero() {
			continue
		}
		if err := image.Check(i.text); err != nil {
			return &DecodeError{Stage: "image", Err: err}
		}
	}
	return nil
}

// events lists what the rules make, for New to compare with the handlers.
func (m *Mux) events() []ruleEvent {
	var all []ruleEvent
	all = appendEvents(all, &m.sqs)
	all = appendEvents(all, &m.sns)
	all = appendEvents(all, &m.dynamoDB)
	all = appendEvents(all, &m.kinesis)
	all = appendEvents(all, &m.eventBridge)
	all = appendEvents(all, &m.stepFunctions)
	return appendEvents(all, &m.s3)
}

type ruleEvent struct {
	text  string
	event reflect.Type
}

func appendEvents[R any](all []ruleEvent, table *ruleTable[R]) []ruleEvent {
	for _, r := range table.rules {
		all = append(all, ruleEvent{text: r.text, event: r.event})
	}
	return all
}

// lastPart returns what stands behind the last colon of an ARN.
func lastPart(arn string) string { return arn[strings.LastIndexByte(arn, ':')+1:] }

func afterSlash(name string) string { return name[strings.LastIndexByte(name, '/')+1:] }
