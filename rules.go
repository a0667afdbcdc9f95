package cqrs

import (
	"fmt"
	"reflect"

	"github.com/aws/aws-lambda-go/events"

	"github.com/lambda-cqrs/cqrs/internal/body"
	"github.com/lambda-cqrs/cqrs/internal/image"
	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// BodyField is what [Body] returns.
type BodyField struct{ name string }

// Body lets a rule of SQS, SNS, Kinesis or EventBridge decode one top-level
// member of the message instead of all of it.
func Body(field string) BodyField { return BodyField{name: given("Body", field)} }

// OnSQS makes a T of the messages that match. Their body is read as JSON into
// the T, as [DecodeJSON] does; a T of events.SQSMessage is the message itself.
// As decode it takes at most one of [Body] and func(*events.SQSMessage) (T,
// error); anything else panics.
func OnSQS[T any](m *Mux, match Matcher, decode ...any) {
	m.mustExist("OnSQS")
	r := textRule[T]("OnSQS", match, decode, func(r *events.SQSMessage) string { return r.Body })
	addRule[T](m, &m.sqs, "OnSQS", SourceSQS, r)
}

// OnSNS makes a T of the messages that match, like [OnSQS]. The record itself
// is an events.SNSEventRecord.
func OnSNS[T any](m *Mux, match Matcher, decode ...any) {
	m.mustExist("OnSNS")
	r := textRule[T]("OnSNS", match, decode, func(r *events.SNSEventRecord) string { return r.SNS.Message })
	addRule[T](m, &m.sns, "OnSNS", SourceSNS, r)
}

// OnKinesis makes a T of the data of the records that match, like [OnSQS]. The
// record itself is an events.KinesisEventRecord.
func OnKinesis[T any](m *Mux, match Matcher, decode ...any) {
	m.mustExist("OnKinesis")
	r := textRule[T]("OnKinesis", match, decode, func(r *events.KinesisEventRecord) string { return string(r.Kinesis.Data) })
	addRule[T](m, &m.kinesis, "OnKinesis", SourceKinesis, r)
}

// OnEventBridge makes a T of the detail of the events that match, like
// [OnSQS]. The event itself is an events.EventBridgeEvent.
func OnEventBridge[T any](m *Mux, match Matcher, decode ...any) {
	m.mustExist("OnEventBridge")
	r := textRule[T]("OnEventBridge", match, decode, func(e *events.EventBridgeEvent) string { return string(e.Detail) })
	addRule[T](m, &m.eventBridge, "OnEventBridge", SourceEventBridge, r)
}

// OnS3 makes a T of the events that match. There is no body to decode: either T
// is events.S3EventRecord, or decode is given. The decoded key is in
// record.S3.Object.URLDecodedKey.
func OnS3[T any](m *Mux, match Matcher, decode ...func(*events.S3EventRecord) (T, error)) {
	m.mustExist("OnS3")
	f := recordItself[T, events.S3EventRecord]()
	if own := atMostOne("OnS3", decode); own != nil {
		f = erase(own)
	}
	if f == nil {
		panic(fmt.Sprintf("cqrs: OnS3[%s] needs a decode function: an S3 event has no body to decode", reflect.TypeFor[T]()))
	}
	addRule[T](m, &m.s3, "OnS3", SourceS3, rule[events.S3EventRecord]{match: match, decode: f})
}

// OnDynamoDB makes a T of the items whose changes match: of the new image, or,
// for a removal, of the old one, or of the keys where there is none. A T of
// [DynamoDBRecord] is the record itself.
func OnDynamoDB[T any](m *Mux, match Matcher, ops ChangeOp, decode ...func(*DynamoDBRecord) (T, error)) {
	m.mustExist("OnDynamoDB")
	r := rule[DynamoDBRecord]{match: match, ops: checkOps(ops), decode: recordItself[T, DynamoDBRecord]()}
	if own := atMostOne("OnDynamoDB", decode); own != nil {
		r.decode = erase(own)
	}
	if r.decode == nil {
		items := &scratch[T]{}
		r.decode = func(r *DynamoDBRecord) (Event, error) {
			return items.event(func(item *T) error { return r.image().Unmarshal(item) })
		}
		r.pass = func(s *scan.Scanner, slab *image.Slab) (Event, error) {
			return items.event(func(item *T) error { return image.Decode(s, item, slab) })
		}
	}
	addRule[T](m, &m.dynamoDB, "OnDynamoDB", SourceDynamoDB, r)
}

// OnChange makes a [Change] of every insert, modification and removal that
// matches.
func OnChange[T any](m *Mux, match Matcher, decode ...func(*DynamoDBRecord) (Change[T], error)) {
	m.mustExist("OnChange")
	f := erase(newChange[T])
	if own := atMostOne("OnChange", decode); own != nil {
		f = erase(own)
	}
	addRule[Change[T]](m, &m.dynamoDB, "OnChange", SourceDynamoDB,
		rule[DynamoDBRecord]{match: match, ops: Inserted | Modified | Removed, change: true, decode: f})
}

// OnStepFunction makes a T of the payload of the tasks of that type (see
// [StepFunctionsEvent]). A field of T of type [TaskToken] receives the task's
// token where the payload does not fill it. A T of StepFunctionsEvent is the
// event itself.
func OnStepFunction[T any](m *Mux, taskType string, decode ...func(*StepFunctionsEvent) (T, error)) {
	m.mustExist("OnStepFunction")
	f := recordItself[T, StepFunctionsEvent]()
	if own := atMostOne("OnStepFunction", decode); own != nil {
		f = erase(own)
	}
	if f == nil {
		f = taskRule[T]()
	}
	match := Matcher{kind: matchType, value: given("OnStepFunction", taskType)}
	addRule[T](m, &m.stepFunctions, "OnStepFunction", SourceStepFunctions, rule[StepFunctionsEvent]{match: match, decode: f})
}

// textRule is a rule whose records carry JSON text.
func textRule[T, R any](on string, match Matcher, decode []any, text func(*R) string) rule[R] {
	r := rule[R]{match: match, decode: recordItself[T, R]()}
	if r.decode == nil {
		r.read = readJSON[T]()
	}
	switch own := atMostOne(on, decode).(type) {
	case nil:
	case func(*R) (T, error):
		if own == nil {
			panic(fmt.Sprintf("cqrs: %s[%s] got a nil decode function", on, reflect.TypeFor[T]()))
		}
		r.read, r.decode = nil, erase(own)
	case BodyField:
		r.read = nil
		read := readJSON[T]()
		r.decode = func(record *R) (Event, error) {
			part, err := bodyField(text(record), own.name)
			if err != nil {
				return nil, err
			}
			return read(part)
		}
	default:
		panic(fmt.Sprintf("cqrs: %s[%s] takes Body(…) or a %s to decode, not a %T",
			on, reflect.TypeFor[T](), reflect.TypeFor[func(*R) (T, error)](), own))
	}
	return r
}

// readJSON is [DecodeJSON] for many texts. A type whose own methods take part in
// the reading may keep pointers into its value, so that is not used again.
func readJSON[T any]() func(text string) (Event, error) {
	if !body.IsPlain(reflect.TypeFor[T]()) {
		return func(text string) (Event, error) { return eraseEvent(DecodeJSON[T](text)) }
	}
	bodies := &scratch[T]{}
	return func(text string) (Event, error) {
		return bodies.event(func(value *T) error {
			if err := body.Unmarshal(text, value); err != nil {
				return &DecodeError{Stage: "body", Err: err}
			}
			return nil
		})
	}
}

// bodyField returns the JSON text of one top-level member.
func bodyField(text, name string) (string, error) {
	s := scan.New(text)
	var part string
	found, twice := false, false
	s.Object()
	for field, ok := s.Field(); ok; field, ok = s.Field() {
		if field != name {
			s.Skip()
			continue
		}
		twice = found
		found = true
		part = s.Value()
	}
	switch err := s.End(); {
	case err != nil:
		return "", &DecodeError{Stage: "body", Err: err}
	case twice:
		return "", &DecodeError{Stage: "body", Err: fmt.Errorf("the member %q stands twice", name)}
	case !found:
		return "", &DecodeError{Stage: "body", Err: fmt.Errorf("there is no member %q", name)}
	}
	return part, nil
}

// taskRule decodes the payload of a task and hands it the token.
func taskRule[T any]() func(*StepFunctionsEvent) (Event, error) {
	token := tokenField(baseType(reflect.TypeFor[T]()))
	return func(e *StepFunctionsEvent) (Event, error) {
		event, err := DecodeJSON[T](string(e.Payload))
		if err != nil || token == nil || e.TaskToken == "" {
			return eraseEvent(event, err)
		}
		value := reflect.ValueOf(&event).Elem()
		if value.Kind() == reflect.Pointer {
			if value.IsNil() {
				return event, nil
			}
			value = value.Elem()
		}
		if field := value.FieldByIndex(token); field.Len() == 0 {
			field.SetString(string(e.TaskToken))
		}
		return event, nil
	}
}

// tokenField finds the exported top-level field that takes a task's token.
func tokenField(t reflect.Type) []int {
	if t.Kind() != reflect.Struct {
		return nil
	}
	for f := range t.Fields() {
		if f.Type == reflect.TypeFor[TaskToken]() && f.IsExported() {
			return f.Index
		}
	}
	return nil
}

func checkOps(ops ChangeOp) ChangeOp {
	if ops == 0 || ops&^(Inserted|Modified|Removed) != 0 {
		panic("cqrs: OnDynamoDB needs operations: Inserted, Modified, Removed, or several joined by |")
	}
	return ops
}

// recordItself is the decode function of rules whose events are the records, as
// R or *R, and nil for all others.
func recordItself[T, R any]() func(*R) (Event, error) {
	switch reflect.TypeFor[T]() {
	case reflect.TypeFor[R]():
		return func(r *R) (Event, error) { return *r, nil }
	case reflect.TypeFor[*R]():
		return func(r *R) (Event, error) { return r, nil }
	default:
		return nil
	}
}

func erase[T, R any](decode func(*R) (T, error)) func(*R) (Event, error) {
	return func(r *R) (Event, error) { return eraseEvent(decode(r)) }
}

func eraseEvent[T any](event T, err error) (Event, error) {
	if err != nil {
		return nil, err
	}
	return event, nil
}

func atMostOne[F any](on string, decode []F) F {
	var none F
	switch len(decode) {
	case 0:
		return none
	case 1:
		return decode[0]
	default:
		panic(fmt.Sprintf("cqrs: %s takes one way to decode, not %d", on, len(decode)))
	}
}
