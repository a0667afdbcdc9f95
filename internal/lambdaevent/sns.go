package lambdaevent

import (
	"github.com/aws/aws-lambda-go/events"

	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// DecodeSNS reads a record from SNS. One without "Sns" is an error.
func DecodeSNS(raw string, record *events.SNSEventRecord) error {
	*record = events.SNSEventRecord{}
	r := newReader(raw)
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
			found = r.object(func(name string) { r.notification(name, &record.SNS) })
		default:
			r.Skip()
		}
	})
	r.require(found, "Sns")
	return r.end()
}

// DecodeNotification reads the envelope in which SNS puts a message into a queue
// or sends it over HTTP, unless raw delivery is on. A body that is anything else
// is an error: the Type must be Notification, and MessageId, TopicArn and
// Message must be there.
func DecodeNotification(body string, record *events.SNSEventRecord) error {
	*record = events.SNSEventRecord{EventSource: "aws:sns"}
	r := newReader(body)
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
		r.notification(name, &record.SNS)
		if name == "Type" && present && record.SNS.Type != "Notification" {
			r.fail(errNotSNS)
		}
	})
	r.require(has.kind, "Type")
	r.require(has.id, "MessageId")
	r.require(has.topic, "TopicArn")
	r.require(has.message, "Message")
	return r.end()
}

// notification reads a member of a notification. SNS spells the names of the two
// URLs in one way to Lambda, and in another one to queues.
func (r *reader) notification(name string, to *events.SNSEntity) {
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
		r.notificationAttributes(&to.MessageAttributes)
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

func (r *reader) notificationAttributes(to *map[string]any) {
	all := map[string]any{}
	if r.object(func(name string) { all[name] = r.any() }) {
		*to = all
	}
}
