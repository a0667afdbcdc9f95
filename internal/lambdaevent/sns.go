package lambdaevent

import (
	"github.com/aws/aws-lambda-go/events"

	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// DecodeSNS reads a record from SNS. One without "Sns" is an error.
func DecodeSNS(raw string, record *events.SNSEventRecord) error {
	r := newReader(raw)
	r.sns(record, &Attributes{})
	return r.end()
}

func (r *reader) sns(record *events.SNSEventRecord, a *Attributes) {
	*record, *a = events.SNSEventRecord{}, Attributes{}
	found := false
	r.object(func(name string) {
		switch name {
		case "EventVersion":
			r.text(&record.EventVersion)
		case "EventSubscriptionArn":
			r.text(&record.EventSubscriptionArn)
		case "EventSource":
			r.text(&record.EventSource)
		case "Sns":
			found = r.object(func(name string) { r.notification(name, &record.SNS, a) })
		default:
			r.unknown(name)
		}
	})
	r.require(found, "Sns")
}

// DecodeNotification reads the envelope in which SNS puts a message into a queue
// or sends it over HTTP, unless raw delivery is on. A body that is anything else
// is an error: the Type must be Notification, and MessageId, TopicArn and
// Message must be there.
func DecodeNotification(body string, record *events.SNSEventRecord) error {
	r := newReader(body)
	r.envelope(record)
	return r.end()
}

// CheckNotification is DecodeNotification without the message attributes.
func CheckNotification(body string, record *events.SNSEventRecord) error {
	r := newReader(body)
	r.lean = true
	r.envelope(record)
	return r.end()
}

func (r *reader) envelope(record *events.SNSEventRecord) {
	*record = events.SNSEventRecord{EventSource: "aws:sns"}
	var has struct{ kind, id, topic, message bool }
	r.object(func(name string) {
		present := r.Kind() != scan.Null
		switch name {
		case "Type":
			has.kind = present
		case "MessageId":
			has.id = present
		case "TopicArn":
			has.topic = present
		case "Message":
			has.message = present
		}
		r.notification(name, &record.SNS, &Attributes{})
		if name == "Type" && present && record.SNS.Type != "Notification" {
			r.fail(errNotSNS)
		}
	})
	r.require(has.kind, "Type")
	r.require(has.id, "MessageId")
	r.require(has.topic, "TopicArn")
	r.require(has.message, "Message")
}

// notification reads a member of a notification. SNS spells the names of the two
// URLs in one way to Lambda, and in another one to queues.
func (r *reader) notification(name string, to *events.SNSEntity, a *Attributes) {
	switch name {
	case "Signature":
		r.text(&to.Signature)
	case "MessageId":
		r.text(&to.MessageID)
	case "Type":
		r.text(&to.Type)
	case "TopicArn":
		r.text(&to.TopicArn)
	case "MessageAttributes":
		r.notificationAttributes(&to.MessageAttributes, a)
	case "SignatureVersion":
		r.text(&to.SignatureVersion)
	case "Timestamp":
		r.time(&to.Timestamp)
	case "SigningCertUrl", "SigningCertURL":
		r.text(&to.SigningCertURL)
	case "Message":
		r.text(&to.Message)
	case "UnsubscribeUrl", "UnsubscribeURL":
		r.text(&to.UnsubscribeURL)
	case "Subject":
		r.text(&to.Subject)
	default:
		r.Skip()
	}
}

func (r *reader) notificationAttributes(to *map[string]any, a *Attributes) {
	var all map[string]any
	if !r.lean {
		all = map[string]any{}
	}
	if r.object(func(name string) {
		correlation := IsCorrelationID(name)
		if all == nil && !correlation {
			r.check()
			return
		}
		value := r.any()
		if attribute, ok := value.(map[string]any); ok && correlation {
			if text, _ := attribute["Value"].(string); text != "" {
				a.CorrelationID = text
			}
		}
		if all != nil {
			all[name] = value
		}
	}) {
		*to = all
	}
}
