package lambdaevent

import (
	"github.com/aws/aws-lambda-go/events"

	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// DecodeSQS reads a message from SQS. One without a body is an error; what else
// is absent stays empty.
func DecodeSQS(raw string, m *events.SQSMessage) error {
	*m = events.SQSMessage{}
	r := newReader(raw)
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
			r.texts(&m.Attributes)
		case "messageAttributes":
			r.messageAttributes(&m.MessageAttributes)
		case "eventSourceARN":
			r.text(&m.EventSourceARN)
		case "eventSource":
			r.text(&m.EventSource)
		case "awsRegion":
			r.text(&m.AWSRegion)
		default:
			r.Skip()
		}
	})
	r.require(hasBody, "body")
	return r.end()
}

// messageAttributes keeps an attribute of which a part is bad: the error says
// which, and the others may tell what the message belongs to.
func (r *reader) messageAttributes(to *map[string]events.SQSMessageAttribute) {
	all := map[string]events.SQSMessageAttribute{}
	if r.object(func(name string) {
		if kind := r.Kind(); kind != scan.Object && kind != scan.Null {
			r.is(scan.Object)
			return
		}
		all[name] = r.messageAttribute()
	}) {
		*to = all
	}
}

func (r *reader) messageAttribute() events.SQSMessageAttribute {
	var a events.SQSMessageAttribute
	r.object(func(name string) {
		switch name {
		case "stringValue":
			text := ""
			if r.text(&text) {
				a.StringValue = &text
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
	return a
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
