package lambdaevent_test

import (
	"bytes"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/internal/lambdaevent"
)

// found is a record as a walk or the Decode functions give it.
type found struct {
	raw    string
	record any
	err    error
	a      lambdaevent.Attributes
}

func walkRecord(w *lambdaevent.Walk, kind lambdaevent.Kind) found {
	var f found
	switch kind {
	case lambdaevent.SQS:
		r := &events.SQSMessage{}
		f.err = w.SQS(r, &f.a)
		f.record = r
	case lambdaevent.SNS:
		r := &events.SNSEventRecord{}
		f.err = w.SNS(r, &f.a)
		f.record = r
	case lambdaevent.DynamoDB:
		r := &lambdaevent.DynamoDBRecord{}
		f.err = w.DynamoDB(r)
		f.record = r
	case lambdaevent.Kinesis:
		r := &events.KinesisEventRecord{}
		f.err = w.Kinesis(r)
		f.record = r
	case lambdaevent.S3:
		r := &events.S3EventRecord{}
		f.err = w.S3(r, &f.a)
		f.record = r
	case lambdaevent.EventBridge:
		r := &events.EventBridgeEvent{}
		f.err = w.EventBridge(r)
		f.record = r
	default:
		r := &lambdaevent.StepFunctionsTask{}
		f.err = w.StepFunctions(r)
		f.record = r
	}
	f.raw = w.Raw()
	return f
}

// decodeRecord is the way by the Decode functions.
func decodeRecord(kind lambdaevent.Kind, raw string) (record any, err error) {
	for _, d := range decoders() {
		if d.name == kind.String() {
			return d.decode(raw)
		}
	}
	panic(kind)
}

// sameWalk holds a walk against Detect and the Decode functions, and reports
// whether there was one.
func sameWalk(t require.TestingT, text string) bool {
	payload, detectErr := lambdaevent.Detect(text)
	w, ok := lambdaevent.Open(text, false)
	lean, leanOK := lambdaevent.Open(text, true)
	require.Equal(t, ok, leanOK)
	if !ok {
		return false
	}
	var walked []found
	for w.Next() {
		walked = append(walked, walkRecord(&w, w.RecordKind()))
	}
	closed, ok := w.Close()
	leanly := 0
	for ; lean.Next(); leanly++ {
		light := walkRecord(&lean, lean.RecordKind())
		if ok {
			full := walked[leanly]
			require.Equal(t, full.raw, light.raw)
			require.Equal(t, full.err, light.err, "%q", full.raw)
			require.Equal(t, full.a, light.a, "%q", full.raw)
			require.Equal(t, withoutMaps(full.record), light.record, "%q", full.raw)
		}
	}
	_, leanOK = lean.Close()
	require.Equal(t, ok, leanOK, "%q", text)
	if !ok {
		return false
	}
	require.NoError(t, detectErr, "%q", text)
	require.Equal(t, payload.Kind, closed.Kind)
	require.Equal(t, payload.Window, closed.Window)
	require.Equal(t, payload.State, closed.State)
	require.Len(t, walked, len(payload.Records), "%q", text)
	for i, raw := range payload.Records {
		require.Equal(t, raw, walked[i].raw)
		record, err := decodeRecord(payload.Kind, raw)
		require.Equal(t, err, walked[i].err, "%q", raw)
		require.Equal(t, record, walked[i].record, "%q", raw)
		single := lambdaevent.WalkRecord(raw, false)
		require.Equal(t, walked[i], walkRecord(&single, payload.Kind), "%q", raw)
	}
	return true
}

// withoutMaps is what a lean walk makes of a record. The values of S3's response
// elements are a map as well.
func withoutMaps(record any) any {
	switch r := record.(type) {
	case *events.SQSMessage:
		lean := *r
		lean.Attributes, lean.MessageAttributes = nil, nil
		return &lean
	case *events.SNSEventRecord:
		lean := *r
		lean.SNS.MessageAttributes = nil
		return &lean
	case *events.S3EventRecord:
		lean := *r
		lean.ResponseElements = nil
		return &lean
	default:
		return record
	}
}

func TestWalk(t *testing.T) {
	t.Parallel()
	walks := map[string]bool{
		recordsOf(sqsRecord, sqsRecord): true, recordsOf(snsRecord): true, recordsOf(dynamoDBRecord): true, recordsOf(kinesisRecord, kinesisRecord): true,
		recordsOf(s3Record): true, "\n{ \"Records\" : [ " + sqsRecord + " ,\t" + sqsRecord + " ] , \"window\":{}, \"state\":{\"a\":1} } ": true,
		`{"Records":[` + sqsRecord + `],"anything":1}`:                 true,
		recordsOf(sqsRecord, `{"body":7,"eventSource":"aws:sqs"}`):     true, // a bad record is no reason to stop
		recordsOf(`{"eventSource":"aws:sqs","eventSource":"aws:sqs"}`): true,

		recordsOf(): false, eventBridge: false, task: false, `{"a":1,"Records":[` + sqsRecord + `]}`: false,
		recordsOf(sqsRecord, snsRecord): false, recordsOf(sqsRecord, `1`): false, recordsOf(sqsRecord, `{"body":""}`): false,
		recordsOf(`{"eventSource":"aws:kafka"}`): false, recordsOf(`{"EventSource":"aws:sqs","body":""}`): false,
		recordsOf(`{"eventSource":"aws:sqs","EventSource":"aws:sns"}`): false,
		`{"Records":[` + sqsRecord + `],"Records":1}`:                  false,
		`{"Records":[` + sqsRecord + `],"a":1,"a":2}`:                  false,
		`{"Records":[` + sqsRecord + `]`:                               false,
		recordsOf(sqsRecord) + `x`:                                     false,
	}
	for text, want := range walks {
		require.Equal(t, want, sameWalk(t, text), "%q", text)
	}
	for _, payload := range payloads {
		sameWalk(t, payload)
	}
}

// Payloads with a byte changed or left out, and cut off.
func TestWalkMutations(t *testing.T) {
	t.Parallel()
	walked := 0
	for _, payload := range []string{
		recordsOf(sqsRecord, sqsRecord), recordsOf(snsRecord), recordsOf(dynamoDBRecord), recordsOf(kinesisRecord), recordsOf(s3Record),
		`{"Records":[` + sqsRecord + `],"window":{"start":"a"},"state":{"1":"2"}}`,
	} {
		text := []byte(payload)
		for i := 0; i < len(text); i += 3 {
			for _, c := range []byte("\"{,1\xff") {
				if sameWalk(t, string(bytes.Join([][]byte{text[:i], {c}, text[i+1:]}, nil))) {
					walked++
				}
			}
			sameWalk(t, payload[:i])
			sameWalk(t, payload[:i]+payload[i+1:])
		}
	}
	require.Greater(t, walked, 2_000)
}

func FuzzWalk(f *testing.F) {
	for _, payload := range payloads {
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, text string) { sameWalk(t, text) })
}

func TestWalkAttributes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]lambdaevent.Attributes{
		recordsOf(sqsRecord): {
			Sequence: "188", Group: "g", ReceiveCount: "2", SentTimestamp: "1545082649183", TraceHeader: "Root=1-5759e988", CorrelationID: "c-1",
		},
		recordsOf(snsRecord): {CorrelationID: "c-1"},
		recordsOf(s3Record):  {CorrelationID: "r-1"},
	} {
		w, ok := lambdaevent.Open(text, true)
		require.True(t, ok && w.Next())
		require.Equal(t, want, walkRecord(&w, w.RecordKind()).a)
	}
	for name, want := range map[string]string{
		"correlationId": "c-1", "CorrelationID": "c-1", "correlation_id": "c-1", "Correlation-Id": "c-1",
		"correlation": "", "correlationIds": "", "xcorrelationid": "", "": "",
	} {
		w, ok := lambdaevent.Open(recordsOf(`{"body":"","messageAttributes":{"`+name+`":{"stringValue":"c-1"},"`+name+`x":{}},"eventSource":"aws:sqs"}`), true)
		require.True(t, ok && w.Next())
		require.Equal(t, want, walkRecord(&w, w.RecordKind()).a.CorrelationID, name)
	}
}

// A lean walk of ordinary records allocates nothing.
func TestWalkAllocations(t *testing.T) {
	plain := `{"messageId":"m","receiptHandle":"h","body":"plain","attributes":{"ApproximateReceiveCount":"1","SentTimestamp":"2"},` +
		`"messageAttributes":{"correlationId":{"stringValue":"c","dataType":"String"}},"eventSource":"aws:sqs","eventSourceARN":"a"}`
	texts := []string{recordsOf(plain, plain), recordsOf(dynamoDBRecordWithoutIdentity, dynamoDBRecordWithoutIdentity)}
	var message events.SQSMessage
	var attributes lambdaevent.Attributes
	var record lambdaevent.DynamoDBRecord
	for _, text := range texts {
		require.Zero(t, testing.AllocsPerRun(100, func() {
			w, ok := lambdaevent.Open(text, true)
			for ok && w.Next() {
				if w.RecordKind() == lambdaevent.SQS {
					ok = w.SQS(&message, &attributes) == nil
				} else {
					ok = w.DynamoDB(&record) == nil
				}
			}
			if _, closed := w.Close(); !ok || !closed {
				panic("no walk")
			}
		}), text)
	}
}
