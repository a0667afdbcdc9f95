package lambdaevent_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/internal/lambdaevent"
	"github.com/lambda-cqrs/cqrs/internal/scan"
)

func TestDetect(t *testing.T) {
	t.Parallel()
	const window = `"window":{"start":"a","end":"b"},"shardId":"s","eventSourceARN":"arn","isFinalInvokeForWindow":false,"isWindowTerminatedEarly":false`
	tests := []struct {
		name, payload string
		want          lambdaevent.Payload
	}{
		{"SQS", recordsOf(sqsRecord, sqsRecord), lambdaevent.Payload{Kind: lambdaevent.SQS, Records: []string{sqsRecord, sqsRecord}}},
		{"SNS", recordsOf(snsRecord), lambdaevent.Payload{Kind: lambdaevent.SNS, Records: []string{snsRecord}}},
		{"DynamoDB", recordsOf(dynamoDBRecord), lambdaevent.Payload{Kind: lambdaevent.DynamoDB, Records: []string{dynamoDBRecord}}},
		{"Kinesis", recordsOf(kinesisRecord), lambdaevent.Payload{Kind: lambdaevent.Kinesis, Records: []string{kinesisRecord}}},
		{"S3", recordsOf(s3Record), lambdaevent.Payload{Kind: lambdaevent.S3, Records: []string{s3Record}}},
		{"EventBridge", " " + eventBridge + "\n", lambdaevent.Payload{Kind: lambdaevent.EventBridge, Records: []string{eventBridge}}},
		{
			"an S3 event by EventBridge that has Records of its own", `{"detail-type":"x","source":"y","detail":null,"taskToken":"t"}`,
			lambdaevent.Payload{Kind: lambdaevent.EventBridge, Records: []string{`{"detail-type":"x","source":"y","detail":null,"taskToken":"t"}`}},
		},
		{"S3 test event", s3Test, lambdaevent.Payload{Kind: lambdaevent.S3Test}},
		{"no records", recordsOf(), lambdaevent.Payload{Kind: lambdaevent.Empty}},
		{"no records of a window", `{"Records":[],` + window + `}`, lambdaevent.Payload{Kind: lambdaevent.Empty, Window: true, State: "{}"}},
		{
			"a window", `{` + window + `,"state": {"a":1} ,"Records":[ ` + kinesisRecord + ` ]}`,
			lambdaevent.Payload{Kind: lambdaevent.Kinesis, Records: []string{kinesisRecord}, Window: true, State: `{"a":1}`},
		},
		{
			"a window without a state", `{"Records":[` + kinesisRecord + `],` + window + `,"state":null}`,
			lambdaevent.Payload{Kind: lambdaevent.Kinesis, Records: []string{kinesisRecord}, Window: true, State: "{}"},
		},
		{
			"no window", `{"Records":[` + kinesisRecord + `],"window":null,"state":{"a":1}}`,
			lambdaevent.Payload{Kind: lambdaevent.Kinesis, Records: []string{kinesisRecord}},
		},
		{
			"records beside anything", `{"Records":[` + s3Record + `],"detail-type":"x","source":"y","detail":{}}`,
			lambdaevent.Payload{Kind: lambdaevent.S3, Records: []string{s3Record}},
		},
	}
	for _, text := range []string{
		task, `{"taskToken":"t"}`, `{"taskToken":1}`, `{"context":{"Execution":{}}}`, `{"context":{"StateMachine":null}}`,
		`{"type":"A","payload":null}`, `{"type":"A","input":1}`, `{"kind":"A","payload":1}`, `{"kind":"A","input":1}`, `{"type":1,"kind":"A","input":1}`,
	} {
		tests = append(tests, struct {
			name, payload string
			want          lambdaevent.Payload
		}{"task " + text, text, lambdaevent.Payload{Kind: lambdaevent.StepFunctions, Records: []string{text}}})
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			have, err := lambdaevent.Detect(test.payload)
			require.NoError(t, err)
			require.Equal(t, test.want, have)
		})
	}
}

func TestDetectRefuses(t *testing.T) {
	t.Parallel()
	unrecognised := func(reason string) error {
		return &lambdaevent.UnrecognisedError{Reason: reason + "; expected Records of aws:sqs, aws:sns, aws:dynamodb, aws:kinesis or aws:s3, " +
			"an EventBridge event, an S3 test event or a Step Functions task"}
	}
	many := make([]string, 20)
	for i := range many {
		many[i] = fmt.Sprintf(`"m%02d":%d`, i, i)
	}
	tests := []struct {
		payload string
		want    error
	}{
		{`null`, unrecognised("null")},
		{`[` + eventBridge + `]`, unrecognised("an array")},
		{`"x"`, unrecognised("a string")},
		{`{}`, unrecognised("an empty object")},
		{`{"hello":"world"}`, unrecognised(`an object with the members "hello"`)},
		{`{` + strings.Join(many, ",") + `}`, unrecognised(`an object with the members "m00", "m01", "m02", "m03", "m04", "m05", "m06", "m07" and 12 more`)},
		{http, unrecognised(`an object with the member "requestContext", so an HTTP request`)},
		{`{"requestContext":{},"taskToken":"t"}`, unrecognised(`an object with the member "requestContext", so an HTTP request`)},

		// Names are matched exactly.
		{`{"records":[` + sqsRecord + `]}`, unrecognised(`an object with the members "records"`)},
		{`{"Detail-Type":"x","source":"y","detail":{}}`, unrecognised(`an object with the members "Detail-Type", "source", "detail"`)},
		{`{"tasktoken":"t"}`, unrecognised(`an object with the members "tasktoken"`)},
		{`{"Records":[{"EVENTSOURCE":"aws:sqs"}]}`, unrecognised("Records of which the one at index 0 has no event source")},

		// Nearly an event.
		{`{"detail-type":1,"source":"y","detail":{}}`, unrecognised(`an object with the members "detail-type", "source", "detail"`)},
		{`{"detail-type":"x","source":"y"}`, unrecognised(`an object with the members "detail-type", "source"`)},
		{`{"Service":"Amazon S3","Event":"s3:ObjectCreated:Put"}`, unrecognised(`an object with the members "Service", "Event"`)},
		{`{"taskToken":null}`, unrecognised(`an object with the members "taskToken"`)},
		{`{"context":{"execution":1}}`, unrecognised(`an object with the members "context"`)},
		{`{"context":["Execution"]}`, unrecognised(`an object with the members "context"`)},
		{`{"type":"A"}`, unrecognised(`an object with the members "type"`)},
		{`{"type":1,"payload":1}`, unrecognised(`an object with the members "type", "payload"`)},
		{`{"payload":1}`, unrecognised(`an object with the members "payload"`)},

		// What stands in Records is a record, or nothing runs.
		{`{"Records":null}`, unrecognised("Records that are null")},
		{`{"Records":{}}`, unrecognised("Records that are an object")},
		{recordsOf(sqsRecord, `1`), unrecognised("Records of which the one at index 1 is a number")},
		{recordsOf(sqsRecord, `null`), unrecognised("Records of which the one at index 1 is null")},
		{recordsOf(`{}`), unrecognised("Records of which the one at index 0 has no event source")},
		{recordsOf(sqsRecord, `{"eventSource":""}`), unrecognised("Records of which the one at index 1 has no event source")},
		{recordsOf(`{"eventSource":7}`), unrecognised("Records of which the one at index 0 has no event source")},
		{recordsOf(`{"eventSource":"aws:kafka"}`), unrecognised(`Records of the event source "aws:kafka"`)},
		{recordsOf(`{"eventSource":"aws:SQS"}`), unrecognised(`Records of the event source "aws:SQS"`)},
		{recordsOf(`{"eventSource":"a"}`, `{"eventSource":"b"}`), unrecognised(`Records of the event sources "a", "b"`)},
		{`{"Records":[],"detail":{}}`, unrecognised("an object with empty Records beside other members")},

		{recordsOf(sqsRecord, snsRecord, sqsRecord), &lambdaevent.MixedError{Sources: []string{"aws:sqs", "aws:sns"}}},
		{recordsOf(`{"eventSource":"aws:kafka"}`, sqsRecord), &lambdaevent.MixedError{Sources: []string{"aws:kafka", "aws:sqs"}}},
		{`{"Records":[],"Records":[` + sqsRecord + `]}`, &lambdaevent.DuplicateError{Name: "Records"}},
		{`{"a":1,"b":2,"a":3,"b":4}`, &lambdaevent.DuplicateError{Name: "a"}},
		{`{"` + strings.Repeat("ü", 40) + `":1,"` + strings.Repeat("ü", 40) + `":1}`, &lambdaevent.DuplicateError{Name: strings.Repeat("ü", 32)}},
	}
	for _, test := range tests {
		_, err := lambdaevent.Detect(test.payload)
		require.Equal(t, test.want, err, "%s", test.payload)
		require.LessOrEqual(t, len(err.Error()), 400, "%s", test.payload)
	}
	require.Equal(t, `Records of different event sources: "aws:sqs", "a\n"`, (&lambdaevent.MixedError{Sources: []string{"aws:sqs", "a\n"}}).Error())
	require.Equal(t, `the payload has the member "a" twice`, (&lambdaevent.DuplicateError{Name: "a"}).Error())
}

// What is not JSON is not an event nor anybody else's request.
func TestDetectRefusesBrokenJSON(t *testing.T) {
	t.Parallel()
	for _, payload := range []string{
		"", " ", "{", "nul", `{"a":1}{}`, `{"a":1,}`, `{"a":01}`, `{"Records":[` + sqsRecord, recordsOf(sqsRecord) + "x", recordsOf(`{"eventSource":"aws:sqs",}`),
		"{\"\xff\":1}", `{"\ud800":1}`, `{"a":` + strings.Repeat("[", 200) + strings.Repeat("]", 200) + `}`,
	} {
		_, err := lambdaevent.Detect(payload)
		var syntax *scan.SyntaxError
		require.ErrorAs(t, err, &syntax, "%.80s", payload)
		require.NotContains(t, err.Error(), "AQEB", "errors quote nothing")
	}
}

func TestKindNames(t *testing.T) {
	t.Parallel()
	names := map[lambdaevent.Kind]string{
		lambdaevent.SQS: "SQS", lambdaevent.SNS: "SNS", lambdaevent.DynamoDB: "DynamoDB", lambdaevent.Kinesis: "Kinesis", lambdaevent.S3: "S3",
		lambdaevent.EventBridge: "EventBridge", lambdaevent.StepFunctions: "Step Functions", lambdaevent.S3Test: "an S3 test event",
		lambdaevent.Empty: "empty Records", 0: "an unknown payload",
	}
	for kind, name := range names {
		require.Equal(t, name, kind.String())
	}
}

// FuzzDetect holds that exactly valid JSON is taken apart, that a served source
// has records, and that these are the parts of the payload that they seem to be.
func FuzzDetect(f *testing.F) {
	for _, payload := range payloads {
		f.Add(payload)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := lambdaevent.Detect(text)
		if err != nil {
			require.Equal(t, lambdaevent.Payload{}, p)
			require.Less(t, len(err.Error()), 2_000)
			return
		}
		s := scan.NewDepth(text, 128)
		s.Skip()
		require.NoError(t, s.End())
		rest := text
		for _, record := range p.Records {
			require.Equal(t, byte('{'), record[0])
			require.Equal(t, byte('}'), record[len(record)-1])
			i := strings.Index(rest, record)
			require.GreaterOrEqual(t, i, 0)
			rest = rest[i+len(record):]
		}
		require.Equal(t, p.Kind == lambdaevent.S3Test || p.Kind == lambdaevent.Empty, len(p.Records) == 0)
	})
}
