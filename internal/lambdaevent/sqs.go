package lambdaevent

import (
	"github.com/aws/aws-lambda-go/events"

	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// Attributes are what a dispatcher wants to know of a record that stands in its
// maps, or would.
type Attributes struct {
	Sequence      string // SequenceNumber, of a FIFO queue
	Group         string // MessageGroupId
	ReceiveCount  string // ApproximateReceiveCount
	SentTimestamp string
	TraceHeader   string // AWSTraceHeader
	CorrelationID string // the last attribute of that name that has a text; see IsCorrelationID
}

// DecodeSQS reads a message from SQS. One without a body is an error; what else
// is absent stays empty.
func DecodeSQS(raw string, m *events.SQSMessage) error {
	r := newReader(raw)
	r.sqs(m, &Attributes{})
	return r.end()
}

func (r *reader) sqs(m *events.SQSMessage, a *Attributes) {
	*m, *a = events.SQSMessage{}, Attributes{}
	hasBody := false
	r.object(func(name string) {
		switch name {
		case "messageId":
			r.text(&m.MessageId)
		case "receiptHandle":
			r.text(&m.ReceiptHandle)
		case "body":
			hasBody = r.text(&m.Body)
		case "md5OfBody":
			r.text(&m.Md5OfBody)
		case "md5OfMessageAttributes":
			r.text(&m.Md5OfMessageAttributes)
		case "attributes":
			r.attributes(&m.Attributes, a)
		case "messageAttributes":
			r.messageAttributes(&m.MessageAttributes, a)
		case "eventSourceARN":
			r.text(&m.EventSourceARN)
		case "eventSource":
			r.text(&m.EventSource)
		case "awsRegion":
			r.text(&m.AWSRegion)
		default:
			r.unknown(name)
		}
	})
	r.require(hasBody, "body")
}

func (r *reader) attributes(to *map[string]string, a *Attributes) {
	r.texts(to, func(name, text string) {
		switch name {
		case "SequenceNumber":
			a.Sequence = text
		case "MessageGroupId":
			a.Group = text
		case "ApproximateReceiveCount":
			a.ReceiveCount = text
		case "SentTimestamp":
			a.SentTimestamp = text
		case "AWSTraceHeader":
			a.TraceHeader = text
		}
	})
}

// messageAttributes keeps an attribute of which a part is bad: the error says
// which, and the others may tell what the message belongs to.
func (r *reader) messageAttributes(to *map[string]events.SQSMessageAttribute, a *Attributes) {
	var all map[string]events.SQSMessageAttribute
	if !r.lean {
		all = map[string]events.SQSMessageAttribute{}
	}
	if r.object(func(name string) {
		if kind := r.Kind(); kind != scan.Object && kind != scan.Null {
			r.is(scan.Object)
			return
		}
		attribute, text := r.messageAttribute()
		if text != "" && IsCorrelationID(name) {
			a.CorrelationID = text
		}
		if all != nil {
			all[name] = attribute
		}
	}) {
		*to = all
	}
}

func (r *reader) messageAttribute() (a events.SQSMessageAttribute, text string) {
	r.object(func(name string) {
		switch name {
		case "stringValue":
			if value := ""; r.text(&value) {
				text = value
				if !r.lean {
					kept := value
					a.StringValue = &kept
				}
			}
		case "binaryValue":
			r.bytes(&a.BinaryValue)
		case "stringListValues":
			r.list(&a.StringListValues)
		case "binaryListValues":
			r.binaries(&a.BinaryListValues)
		case "dataType":
			r.text(&a.DataType)
		default:
			r.Skip()
		}
	})
	return a, text
}

func (r *reader) binaries(to *[][]byte) {
	all := [][]byte{}
	if r.array(func() {
		var one []byte
		r.bytes(&one)
		all = append(all, one)
	}) {
		*to = all
	}
}

// IsCorrelationID recognises correlationId, CorrelationID, correlation-id, ….
func IsCorrelationID(name string) bool {
	const want = "correlationid"
	i := 0
	for _, c := range []byte(name) {
		switch {
		case c == '-' || c == '_':
			continue
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		}
		if i >= len(want) || c != want[i] {
			return false
		}
		i++
	}
	return i == len(want)
}
