package lambdaevent_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/internal/lambdaevent"
)

// decoder is one Decode function, what it must agree with, and what it must
// know of a record whichever of its members is bad.
type decoder struct {
	name, record string
	decode       func(raw string) (record any, err error)
	oracle       func(raw string) (record any, err error)
	identity     func(record any) []string
	ids          []string // the paths of what identity returns
	required     []string // the paths of what must be there
	anything     []string // the paths at which anything of the right kind will do
}

func decodeAs[R any](decode func(string, *R) error) func(string) (any, error) {
	return func(raw string) (any, error) {
		record := new(R)
		err := decode(raw, record)
		return record, err
	}
}

// encodingJSON is encoding/json with numbers that lose nothing.
func encodingJSON[R any](raw string) (any, error) {
	record := new(R)
	d := json.NewDecoder(strings.NewReader(raw))
	d.UseNumber()
	err := d.Decode(record)
	return record, err
}

// Of streams, aws-lambda-go's record is not comparable: it holds the images
// decoded, and times as they are only for one unit.
type streamOracle struct {
	EventID      string                       `json:"eventID"`
	EventName    string                       `json:"eventName"`
	EventSource  string                       `json:"eventSource"`
	SourceARN    string                       `json:"eventSourceARN"`
	AWSRegion    string                       `json:"awsRegion"`
	EventVersion string                       `json:"eventVersion"`
	UserIdentity *events.DynamoDBUserIdentity `json:"userIdentity"`
	Change       struct {
		Created        *json.Number                `json:"ApproximateCreationDateTime"`
		Keys           *map[string]json.RawMessage `json:"Keys"`
		NewImage       *map[string]json.RawMessage `json:"NewImage"`
		OldImage       *map[string]json.RawMessage `json:"OldImage"`
		SequenceNumber string                      `json:"SequenceNumber"`
		SizeBytes      int64                       `json:"SizeBytes"`
		StreamViewType string                      `json:"StreamViewType"`
	} `json:"dynamodb"`
}

func streamRecord(raw string) (any, error) {
	var o streamOracle
	if err := json.Unmarshal([]byte(raw), &o); err != nil {
		return nil, err
	}
	var texts struct {
		Change map[string]json.RawMessage `json:"dynamodb"`
	}
	if err := json.Unmarshal([]byte(raw), &texts); err != nil {
		return nil, err
	}
	r := &lambdaevent.DynamoDBRecord{
		EventID: o.EventID, EventName: o.EventName, EventSource: o.EventSource, EventSourceARN: o.SourceARN, AWSRegion: o.AWSRegion,
		EventVersion: o.EventVersion, UserIdentity: o.UserIdentity, SequenceNumber: o.Change.SequenceNumber,
		SizeBytes: o.Change.SizeBytes, StreamViewType: o.Change.StreamViewType,
	}
	for _, image := range []struct {
		name string
		has  bool
		to   *string
	}{{"Keys", o.Change.Keys != nil, &r.Keys}, {"NewImage", o.Change.NewImage != nil, &r.NewImage}, {"OldImage", o.Change.OldImage != nil, &r.OldImage}} {
		if image.has {
			*image.to = string(texts.Change[image.name])
		}
	}
	if o.Change.Created != nil && *o.Change.Created != "" {
		seconds, err := strconv.ParseFloat(string(*o.Change.Created), 64)
		if err != nil || seconds >= 1e17 || seconds <= -1e17 {
			return nil, strconv.ErrRange
		}
		for _, unit := range []float64{1e6, 1e3, 1} { // seconds, milliseconds, microseconds
			if limit := 1e17 / unit; seconds < limit && seconds > -limit {
				r.ApproximateCreationTime = time.UnixMicro(int64(roundHalfAway(seconds * unit))).UTC()
				break
			}
		}
	}
	return r, nil
}

func roundHalfAway(x float64) float64 {
	if x < 0 {
		return float64(int64(x - 0.5))
	}
	return float64(int64(x + 0.5))
}

func decoders() []decoder {
	return []decoder{
		{
			name: "SQS", record: sqsRecord, decode: decodeAs(lambdaevent.DecodeSQS), oracle: encodingJSON[events.SQSMessage],
			identity: func(record any) []string {
				r := record.(*events.SQSMessage)
				return []string{r.MessageId, r.EventSourceARN, r.Attributes["MessageGroupId"]}
			},
			ids: []string{"messageId", "eventSourceARN", "attributes.MessageGroupId"}, required: []string{"body"},
		},
		{
			name: "SNS", record: snsRecord, decode: decodeAs(lambdaevent.DecodeSNS), oracle: encodingJSON[events.SNSEventRecord],
			identity: func(record any) []string {
				r := record.(*events.SNSEventRecord)
				return []string{r.SNS.MessageID, r.SNS.TopicArn}
			},
			ids: []string{"Sns.MessageId", "Sns.TopicArn"}, required: []string{"Sns"},
			anything: []string{"Sns.MessageAttributes"},
		},
		{
			name: "notification", record: notification, decode: decodeAs(lambdaevent.DecodeNotification),
			oracle: func(raw string) (any, error) {
				entity, err := encodingJSON[events.SNSEntity](raw)
				return &events.SNSEventRecord{EventSource: "aws:sns", SNS: *entity.(*events.SNSEntity)}, err
			},
			identity: func(record any) []string {
				r := record.(*events.SNSEventRecord)
				return []string{r.SNS.MessageID, r.SNS.TopicArn}
			},
			ids: []string{"MessageId", "TopicArn"}, required: []string{"Type", "MessageId", "TopicArn", "Message"},
			anything: []string{"MessageAttributes"},
		},
		{
			name: "DynamoDB", record: dynamoDBRecord, decode: decodeAs(lambdaevent.DecodeDynamoDB), oracle: streamRecord,
			identity: func(record any) []string {
				r := record.(*lambdaevent.DynamoDBRecord)
				return []string{r.EventID, r.EventSourceARN, r.SequenceNumber, r.Keys}
			},
			ids: []string{"eventID", "eventSourceARN", "dynamodb.SequenceNumber", "dynamodb.Keys"}, required: []string{"dynamodb"},
			anything: []string{"dynamodb.Keys", "dynamodb.NewImage", "dynamodb.OldImage"},
		},
		{
			name: "Kinesis", record: kinesisRecord, decode: decodeAs(lambdaevent.DecodeKinesis), oracle: encodingJSON[events.KinesisEventRecord],
			identity: func(record any) []string {
				r := record.(*events.KinesisEventRecord)
				return []string{r.EventID, r.EventSourceArn, r.Kinesis.SequenceNumber, r.Kinesis.PartitionKey}
			},
			ids: []string{"eventID", "eventSourceARN", "kinesis.sequenceNumber", "kinesis.partitionKey"}, required: []string{"kinesis", "kinesis.data"},
		},
		{
			name: "S3", record: s3Record, decode: decodeAs(lambdaevent.DecodeS3), oracle: encodingJSON[events.S3EventRecord],
			identity: func(record any) []string {
				r := record.(*events.S3EventRecord)
				return []string{r.S3.Bucket.Name, r.S3.Object.Key, r.S3.Object.VersionID, r.S3.Object.Sequencer}
			},
			ids: []string{"s3.bucket.name", "s3.object.key", "s3.object.versionId", "s3.object.sequencer"}, required: []string{"s3", "s3.object", "s3.object.key"},
		},
		{
			name: "EventBridge", record: eventBridge, decode: decodeAs(lambdaevent.DecodeEventBridge), oracle: encodingJSON[events.EventBridgeEvent],
			identity: func(record any) []string { return []string{record.(*events.EventBridgeEvent).ID} },
			ids:      []string{"id"}, anything: []string{"detail"},
		},
		{
			name: "Step Functions", record: task, decode: decodeAs(lambdaevent.DecodeStepFunctions),
			identity: func(record any) []string {
				r := record.(*lambdaevent.StepFunctionsTask)
				if r.Context == nil {
					return []string{r.TaskToken, ""}
				}
				return []string{r.TaskToken, r.Context.Execution.ID}
			},
			ids: []string{"taskToken", "context.Execution.Id"}, anything: []string{"input", "context.Execution.Input"},
		},
	}
}

func TestDecodeAgreesWithEncodingJSON(t *testing.T) {
	t.Parallel()
	for _, d := range decoders() {
		if d.oracle == nil {
			continue
		}
		want, err := d.oracle(d.record)
		require.NoError(t, err, d.name)
		have, err := d.decode(d.record)
		require.NoError(t, err, d.name)
		require.Equal(t, want, have, d.name)
		var spaced bytes.Buffer
		require.NoError(t, json.Indent(&spaced, []byte(d.record), " ", "\t"))
		agree(t, d, " \n"+spaced.String()+"\r")
	}
}

// A bad member fails its record, says where, and hides nothing of what the
// record is known by.
func TestDecodeABadMember(t *testing.T) {
	t.Parallel()
	for _, d := range decoders() {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			good, err := d.decode(d.record)
			require.NoError(t, err)
			known := d.identity(good)
			for _, id := range known {
				require.NotEmpty(t, id)
			}
			var tree map[string]any
			require.NoError(t, json.Unmarshal([]byte(d.record), &tree))
			tried := 0
			walkMembers(tree, nil, func(path []string, members map[string]any, name string) {
				at := strings.Join(append(path, name), ".")
				for _, part := range d.anything {
					if strings.HasPrefix(at, part+".") {
						return
					}
				}
				original := members[name]
				defer func() { members[name] = original }()
				for _, bad := range badValues(original) {
					if _, isAny := original.(map[string]any); isAny && slices.Contains(d.anything, at) && d.name != "SNS" && d.name != "notification" && d.name != "DynamoDB" {
						continue
					}
					members[name] = bad
					raw, err := json.Marshal(tree)
					require.NoError(t, err)
					record, err := d.decode(string(raw))
					var field *lambdaevent.FieldError
					require.ErrorAs(t, err, &field, "%s = %v", at, bad)
					require.Equal(t, at, field.Field, "%v", bad)
					require.NotEmpty(t, field.Unwrap().Error())
					tried++
					for i, id := range d.identity(record) {
						if !strings.HasPrefix(d.ids[i]+".", at+".") {
							require.Equal(t, known[i], id, "%s is known although %s is %v", d.ids[i], at, bad)
						}
					}
				}
				// null is absent.
				members[name] = nil
				raw, err := json.Marshal(tree)
				require.NoError(t, err)
				_, err = d.decode(string(raw))
				if slices.Contains(d.required, at) {
					missing := at
					if strings.HasPrefix(d.required[len(d.required)-1], at+".") {
						missing = d.required[len(d.required)-1]
					}
					require.EqualError(t, err, missing+": missing", "%s", at)
				} else {
					require.NoError(t, err, "%s", at)
				}
			})
			require.Greater(t, tried, 8)
		})
	}
}

// walkMembers calls visit for every member of every object in it.
func walkMembers(members map[string]any, path []string, visit func(path []string, members map[string]any, name string)) {
	for name, value := range members {
		visit(path, members, name)
		if inner, ok := value.(map[string]any); ok {
			walkMembers(inner, append(slices.Clip(path), name), visit)
		}
	}
}

// badValues are of another type than the good one.
func badValues(good any) []any {
	switch good.(type) {
	case string:
		return []any{1, []any{}, map[string]any{}, true}
	case float64:
		return []any{"1", []any{}, map[string]any{}, true}
	case map[string]any:
		return []any{"x", 1, []any{}, false}
	case []any:
		return []any{"x", 1, map[string]any{}, false}
	default:
		return nil
	}
}

func TestDecodeErrors(t *testing.T) {
	t.Parallel()
	replaced := func(record, old, by string) string {
		require.Contains(t, record, old)
		return strings.Replace(record, old, by, 1)
	}
	all := map[string]decoder{}
	for _, d := range decoders() {
		all[d.name] = d
	}
	for _, test := range []struct{ kind, raw, want string }{
		{"SQS", `{}`, "body: missing"},
		{"SQS", `{"body":null}`, "body: missing"},
		{"SQS", `{"body":7}`, "body: a number where a string belongs"},
		{"SQS", `{"body":"a","body":"b"}`, "body: a duplicate name"},
		{"SQS", `{"body":"a","other":1,"other":2}`, "other: a duplicate name"},
		{"SQS", `{"body":"a","messageId":"\ud800"}`, "messageId: a string with half a surrogate pair"},
		{"SQS", "{\"body\":\"a\",\"attributes\":{\"a\xff\":\"\"}}", "attributes: a string that is not valid UTF-8"},
		{"SQS", `{"body":"a","attributes":{"a b":1}}`, `attributes."a b": a number where a string belongs`},
		{"SQS", replaced(sqsRecord, "AP8Q", "AP8"), `messageAttributes.correlation-id.binaryListValues: not base64`},
		{"SQS", `[]`, ": an array where an object belongs"},
		{"SQS", `{"body":"a"} x`, "invalid JSON at byte 13: text behind the value"},
		{"SNS", `{"Sns":{"Timestamp":"yesterday"}}`, "Sns.Timestamp: not an RFC 3339 time"},
		{"notification", `{"Type":"SubscriptionConfirmation","MessageId":"m","TopicArn":"t","Message":"m"}`, `Type: not "Notification"`},
		{"notification", `{"Message":"m"}`, "Type: missing"},
		{"DynamoDB", `{"dynamodb":{"SizeBytes":1.5}}`, "dynamodb.SizeBytes: not an integer of 64 bits"},
		{"DynamoDB", `{"dynamodb":{"SizeBytes":9223372036854775808}}`, "dynamodb.SizeBytes: not an integer of 64 bits"},
		{"DynamoDB", `{"dynamodb":{"ApproximateCreationDateTime":1e17}}`, "dynamodb.ApproximateCreationDateTime: a number that is no time"},
		{"DynamoDB", `{"dynamodb":{"ApproximateCreationDateTime":1e999}}`, "dynamodb.ApproximateCreationDateTime: a number that is no time"},
		{"DynamoDB", `{"dynamodb":{"Keys":[]}}`, "dynamodb.Keys: an array where an object belongs"},
		{"Kinesis", `{"kinesis":{"data":"!"}}`, "kinesis.data: not base64"},
		{"Kinesis", `{"kinesis":{"data":"","approximateArrivalTimestamp":1545084650987}}`, "kinesis.approximateArrivalTimestamp: a number that is no time"},
		{"S3", `{"s3":{"object":{"key":"100%.csv"}}}`, "s3.object.key: an invalid URL escape"},
		{"S3", `{"s3":{"object":{}}}`, "s3.object.key: missing"},
		{"EventBridge", `{"time":"2026-13-01T00:00:00Z"}`, "time: not an RFC 3339 time"},
		{"Step Functions", `{"input":{"type":"a","type":"b"}}`, "input.type: a duplicate name"},
		{"Step Functions", `{"type":1}`, "type: a number where a string belongs"},
	} {
		_, err := all[test.kind].decode(test.raw)
		require.EqualError(t, err, test.want, "%s %s", test.kind, test.raw)
	}
}

func TestDecodeS3Key(t *testing.T) {
	t.Parallel()
	for key, want := range map[string]string{
		"red+flower.jpg": "red flower.jpg", "a%2Bb": "a+b", "a%252Bb": "a%2Bb", "%C3%A9": "é", "%ff": "\xff", "..%2F..%2Fetc": "../../etc", "a%00b": "a\x00b",
	} {
		var record events.S3EventRecord
		require.NoError(t, lambdaevent.DecodeS3(`{"s3":{"object":{"key":"`+key+`"}}}`, &record), key)
		require.Equal(t, want, record.S3.Object.URLDecodedKey)
		require.Equal(t, key, record.S3.Object.Key)
	}
}

func TestDecodeCreationTime(t *testing.T) {
	t.Parallel()
	want := time.Date(2016, 11, 18, 20, 9, 0, 0, time.UTC)
	for number, want := range map[string]time.Time{
		"1479499740": want, "1479499740000": want, "1479499740000000": want, "1.47949974e9": want,
		"1479499740.25": want.Add(250 * time.Millisecond), "1479499740250": want.Add(250 * time.Millisecond),
		"1479499740250001": want.Add(250001 * time.Microsecond), "0": time.Unix(0, 0).UTC(),
	} {
		var record lambdaevent.DynamoDBRecord
		require.NoError(t, lambdaevent.DecodeDynamoDB(`{"dynamodb":{"ApproximateCreationDateTime":`+number+`}}`, &record), number)
		require.Equal(t, want, record.ApproximateCreationTime, number)
	}
}

func TestDecodeStepFunctions(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		raw                  string
		typ, payload, tokens string
	}{
		{`{"type":"A","kind":"B","payload":{"a":1},"input":2,"taskToken":"t"}`, "A", `{"a":1}`, "t"},
		{`{"kind":"B","input": [1] }`, "B", `[1]`, ""},
		{`{"kind":"B","payload":null,"input":2}`, "B", `2`, ""},
		{`{"kind":"B","payload":null}`, "B", `null`, ""},
		{`{"kind":"B"}`, "B", "", ""},
		{`{"input":{"type":"REFERENCE","id":1},"context":` + taskContext + `}`, "REFERENCE", `{"type":"REFERENCE","id":1}`, "AQDF"},
		{`{"input":{"type":7},"context":` + taskContext + `,"taskToken":"own"}`, "Ship", `{"type":7}`, "own"},
		{`{"payload":{"type":"X"},"context":` + taskContext + `}`, "Ship", `{"type":"X"}`, "AQDF"},
		{`{"type":"","input":{"type":"X"}}`, "", `{"type":"X"}`, ""},
	} {
		var task lambdaevent.StepFunctionsTask
		require.NoError(t, lambdaevent.DecodeStepFunctions(test.raw, &task), test.raw)
		require.Equal(t, test.typ, task.Type, test.raw)
		require.Equal(t, test.payload, task.Payload, test.raw)
		require.Equal(t, test.tokens, task.TaskToken, test.raw)
	}
	var full lambdaevent.StepFunctionsTask
	require.NoError(t, lambdaevent.DecodeStepFunctions(task, &full))
	var context lambdaevent.Context
	context.Execution.ID, context.Execution.Name, context.Execution.RoleArn = "arn:aws:states:eu-west-1:1:execution:m:e", "e", "arn:aws:iam::1:role/r"
	context.Execution.Input, context.Execution.StartTime = `{"type":"REFERENCE"}`, time.Date(2026, 11, 1, 12, 30, 0, 0, time.UTC)
	context.State.Name, context.State.RetryCount, context.State.EnteredTime = "Ship", 2, time.Date(2026, 11, 1, 12, 30, 1, 0, time.UTC)
	context.StateMachine.ID, context.StateMachine.Name, context.TaskToken = "arn:aws:states:eu-west-1:1:stateMachine:m", "m", "AQDF"
	require.Equal(t, &context, full.Context)
}
