package peers

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	"github.com/lambda-cqrs/cqrs/bench"
)

// Scenario is an invocation in which something goes wrong.
type Scenario struct {
	Name    string        `json:"name"`
	Payload []byte        `json:"-"`
	Left    time.Duration `json:"-"` // until the deadline, when it begins
	// Times is how often the payload is delivered, one after the other.
	Times int `json:"times"`
	// Protected: with a store for idempotency, where the peer has one.
	Protected bool `json:"-"`
}

// The texts of notifications, and the status of orders, that a handler stumbles
// over.
const (
	Fail  = "fail"  // it returns or throws an error
	Panic = "panic" // it panics, or throws what is no error
	Slow  = "slow"  // it takes [SlowTime]
)

// SlowTime is what a slow event takes.
const SlowTime = 100 * time.Millisecond

// Large is an integer that no float64 holds.
const Large = 9007199254740993

// The fourth of ten records is the one with which something is wrong.
const wrong = 3

// Scenarios returns all of them.
func Scenarios() []Scenario {
	const second = time.Second
	sqs := func(edit func(i int, r record)) []byte { return edited(bench.SQS(10), edit) }
	only := func(edit func(r record)) []byte {
		return sqs(func(i int, r record) {
			if i == wrong {
				edit(r)
			}
		})
	}
	return []Scenario{
		{Name: "a body that is no JSON", Payload: only(func(r record) { r["body"] = "{" }), Left: 30 * second, Times: 1},
		{
			Name:    "an unknown type",
			Payload: only(func(r record) { r.body(func(b record) { b["type"] = "UNKNOWN" }) }), Left: 30 * second, Times: 1,
		},
		{Name: "an unknown source", Payload: kinesis(), Left: 30 * second, Times: 1},
		{Name: "no records", Payload: []byte(`{"Records":[]}`), Left: 30 * second, Times: 1},
		{Name: "an error", Payload: only(text(Fail)), Left: 30 * second, Times: 1},
		{Name: "a panic, or a throw of a string", Payload: only(text(Panic)), Left: 30 * second, Times: 1},
		{Name: "the same batch twice", Payload: bench.SQS(10), Left: 30 * second, Times: 2, Protected: true},
		{Name: "a FIFO queue, groups a b a b …, an error in the first", Payload: fifo(), Left: 30 * second, Times: 1},
		{Name: "a stream, an error in the fourth record", Payload: stream(), Left: 30 * second, Times: 1},
		{
			Name:    "350 ms left, 10 messages of 100 ms one by one",
			Payload: sqs(func(_ int, r record) { text(Slow)(r) }), Left: 350 * time.Millisecond, Times: 1,
		},
		{
			Name: "an integer above 2^53",
			Payload: only(func(r record) {
				r.body(func(b record) { b["order"].(map[string]any)["total"] = json.Number(strconv.Itoa(Large)) })
			}),
			Left: 30 * second, Times: 1,
		},
	}
}

type record map[string]any

// body edits the JSON in the record's body.
func (r record) body(edit func(body record)) {
	var body record
	decode([]byte(r["body"].(string)), &body)
	edit(body)
	r["body"] = string(encode(body))
}

func text(what string) func(record) {
	return func(r record) { r.body(func(b record) { b["text"] = what }) }
}

func fifo() []byte {
	return edited(bench.SQS(10), func(i int, r record) {
		r["eventSourceARN"] = r["eventSourceARN"].(string) + ".fifo"
		attributes := r["attributes"].(map[string]any)
		attributes["MessageGroupId"] = string(rune('a' + i%2))
		attributes["SequenceNumber"] = fmt.Sprintf("188878498709%08d", i)
		if i == 0 {
			text(Fail)(r)
		}
	})
}

func stream() []byte {
	return edited(bench.DynamoDB(10), func(i int, r record) {
		if i == wrong {
			image := r["dynamodb"].(map[string]any)["NewImage"].(map[string]any)
			image["status"] = map[string]any{"S": Fail}
		}
	})
}

func kinesis() []byte {
	return []byte(`{"Records":[{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":"1","sequenceNumber":` +
		`"49590338271490256608559692538361571095921575989136588898","data":"e30=","approximateArrivalTimestamp":1545084650.987},` +
		`"eventSource":"aws:kinesis","eventVersion":"1.0",` +
		`"eventID":"shardId-000000000006:49590338271490256608559692538361571095921575989136588898","eventName":"aws:kinesis:record",` +
		`"invokeIdentityArn":"arn:aws:iam::123456789012:role/lambda","awsRegion":"eu-west-1",` +
		`"eventSourceARN":"arn:aws:kinesis:eu-west-1:123456789012:stream/clicks"}]}`)
}

func edited(payload []byte, edit func(i int, r record)) []byte {
	var batch struct{ Records []record }
	decode(payload, &batch)
	for i, r := range batch.Records {
		edit(i, r)
	}
	return encode(batch)
}

func decode(text []byte, v any) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if err := decoder.Decode(v); err != nil {
		panic(err) // the payloads are the benchmark's own
	}
}

func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // as above
	}
	return text
}
