package cqrstest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/lambda-cqrs/cqrs"
)

// Payload is what AWS hands to a function for one invocation. It is immutable,
// except that nobody may write to what Records holds.
//
// It encodes to the JSON that AWS sends, so that a payload inside of another is
// the envelope that AWS makes: Body(S3(…)) is the message of a queue that a
// bucket notifies.
type Payload struct {
	source  cqrs.Source
	records []record
	text    []byte // of Raw; else it is made of the records
}

// record is one record, or the event itself where the source sends just one.
type record = map[string]any

// Raw is a payload that was recorded, or that no function of this package makes.
// It is delivered to the byte. What can be known of it is read from it; a
// payload that is no event has neither source nor records.
func Raw(text []byte) Payload {
	p := Payload{text: bytes.Clone(text)}
	event := decoded(text)
	list, ok := event["Records"].([]any)
	if !ok {
		p.source = sourceOfEvent(event)
		if p.source != "" {
			p.records = []record{event}
		}
		return p
	}
	for _, one := range list {
		r, ok := one.(record)
		if !ok {
			return Payload{text: p.text}
		}
		p.records = append(p.records, r)
		source, _ := r["eventSource"].(string)
		if source == "" {
			source, _ = r["EventSource"].(string)
		}
		p.source = cqrs.Source(source)
	}
	return p
}

// decoded reads a JSON object without a loss; nil where it is none.
func decoded(text []byte) record {
	var object record
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	if decoder.Decode(&object) != nil {
		return nil
	}
	return object
}

func sourceOfEvent(event record) cqrs.Source {
	switch {
	case has(event, "detail-type"):
		return cqrs.SourceEventBridge
	case has(event, "taskToken"), has(event, "context"), has(event, "payload"), has(event, "input"):
		return cqrs.SourceStepFunctions
	default:
		return ""
	}
}

func has(r record, name string) bool {
	_, ok := r[name]
	return ok
}

// Join puts the records of several payloads of one source into one batch, as
// AWS batches what waits in a queue or stream. It panics where the sources
// differ, or where a source sends one event at a time.
func Join(payloads ...Payload) Payload {
	var all Payload
	for _, p := range payloads {
		if single(p.source) || p.source == "" {
			panic(fmt.Sprintf("cqrstest: Join takes payloads with records, not one of %q", p.source))
		}
		if all.source != "" && all.source != p.source {
			panic(fmt.Sprintf("cqrstest: Join got records of %s and %s; AWS never mixes them", all.source, p.source))
		}
		all.source = p.source
		all.records = append(all.records, p.records...)
	}
	return all
}

// single reports whether the source sends one event at a time, without Records.
func single(source cqrs.Source) bool {
	return source == cqrs.SourceEventBridge || source == cqrs.SourceStepFunctions
}

// Source is the service that sends it; "" where a Raw payload is no event.
func (p Payload) Source() cqrs.Source { return p.source }

// Len is the number of records.
func (p Payload) Len() int { return len(p.records) }

// JSON is the payload as the function gets it. The caller owns the copy.
func (p Payload) JSON() []byte {
	switch {
	case p.text != nil:
		return bytes.Clone(p.text)
	case single(p.source):
		return encode(p.records[0])
	default:
		records := p.records
		if records == nil {
			records = []record{}
		}
		return encode(map[string]any{"Records": records})
	}
}

// MarshalJSON is JSON.
func (p Payload) MarshalJSON() ([]byte, error) { return p.JSON(), nil }

// String is JSON.
func (p Payload) String() string { return string(p.JSON()) }

// encode leaves <, > and & alone, as AWS does.
func encode(v any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic(fmt.Sprintf("cqrstest: %T cannot be encoded as JSON: %v", v, err))
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// IDs are the identifiers of the records, as AWS takes them in an answer: the
// messageId of SQS, the sequence number of a stream. Where no answer lists any:
// the MessageId of SNS, bucket/key of S3, the id of an EventBridge event, the
// execution of a task.
func (p Payload) IDs() []string {
	ids := make([]string, len(p.records))
	for i, r := range p.records {
		ids[i] = identifier(p.source, r)
	}
	return ids
}

func identifier(source cqrs.Source, r record) string {
	switch source {
	case cqrs.SourceSQS:
		return textAt(r, "messageId")
	case cqrs.SourceDynamoDB:
		return textAt(r, "dynamodb", "SequenceNumber")
	case cqrs.SourceKinesis:
		return textAt(r, "kinesis", "sequenceNumber")
	case cqrs.SourceSNS:
		return textAt(r, "Sns", "MessageId")
	case cqrs.SourceEventBridge:
		return textAt(r, "id")
	case cqrs.SourceStepFunctions:
		return textAt(r, "context", "Execution", "Id")
	case cqrs.SourceS3:
		key := textAt(r, "s3", "object", "key")
		if decoded, err := url.QueryUnescape(key); err == nil {
			key = decoded
		}
		return textAt(r, "s3", "bucket", "name") + "/" + key
	default:
		return ""
	}
}

// textAt walks into a record; "" where there is no such string.
func textAt(r record, path ...string) string {
	for _, name := range path[:len(path)-1] {
		inner, ok := r[name].(record)
		if !ok {
			return ""
		}
		r = inner
	}
	text, _ := r[path[len(path)-1]].(string)
	return text
}

// with returns a copy of the record in which the member of that name, or the one
// at the end of the path, is v.
func with(r record, v any, name string, path ...string) record {
	r = maps.Clone(r)
	if r == nil {
		r = record{}
	}
	if len(path) == 0 {
		r[name] = v
		return r
	}
	inner, _ := r[name].(record)
	r[name] = with(inner, v, path[0], path[1:]...)
	return r
}

// Only keeps the records with these identifiers, in their order.
func (p Payload) Only(ids ...string) Payload {
	kept := Payload{source: p.source}
	for i, id := range p.IDs() {
		if slices.Contains(ids, id) {
			kept.records = append(kept.records, p.records[i])
		}
	}
	return kept
}

// text is the text of a message: what is text stays as it is, all else is JSON.
func text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	case json.RawMessage:
		return string(v)
	default:
		return string(encode(v))
	}
}

// The account and the region of everything that is given by its name alone.
const (
	account = "123456789012"
	region  = "eu-west-1"
)

// arn completes a name to an ARN, and leaves an ARN alone.
func arn(service, resource string) string {
	if strings.HasPrefix(resource, "arn:") {
		return resource
	}
	return newARN(service, resource)
}

func newARN(service, resource string) string {
	return "arn:aws:" + service + ":" + region + ":" + account + ":" + resource
}

// regionOf is the region in an ARN.
func regionOf(arn string) string {
	if parts := strings.Split(arn, ":"); len(parts) > 3 && parts[3] != "" {
		return parts[3]
	}
	return region
}
