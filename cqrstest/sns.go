package cqrstest

import "github.com/lambda-cqrs/cqrs"

// SNS is what a topic, given by its name or ARN, sends to a function: always
// one message. More of them make a payload that AWS would not send, but that
// the format allows.
// https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
func SNS(topic string, messages ...Message) Payload {
	arn := arn("sns", topic)
	p := Payload{source: cqrs.SourceSNS}
	for _, m := range messages {
		entity := snsEntity(arn, m)
		entity["SigningCertUrl"] = "https://sns." + regionOf(arn) + ".amazonaws.com/SimpleNotificationService.pem"
		entity["UnsubscribeUrl"] = "https://sns." + regionOf(arn) + ".amazonaws.com/?Action=Unsubscribe"
		p.records = append(p.records, record{
			"EventSource":          string(cqrs.SourceSNS),
			"EventVersion":         "1.0",
			"EventSubscriptionArn": arn + ":" + newID(),
			"Sns":                  entity,
		})
	}
	return p
}

// Notification is the envelope in which a topic puts a message into a queue,
// without raw message delivery: the content of a [Body]. With raw delivery there
// is no envelope, and the attributes are those of the SQS message.
func Notification(topic string, m Message) any {
	arn := arn("sns", topic)
	entity := snsEntity(arn, m)
	if len(m.attributes) == 0 {
		delete(entity, "MessageAttributes")
	}
	entity["SigningCertURL"] = "https://sns." + regionOf(arn) + ".amazonaws.com/SimpleNotificationService.pem"
	entity["UnsubscribeURL"] = "https://sns." + regionOf(arn) + ".amazonaws.com/?Action=Unsubscribe"
	return entity
}

func snsEntity(arn string, m Message) record {
	attributes := record{}
	for name, a := range m.attributes {
		if a.dataType == "Binary" {
			attributes[name] = record{"Type": a.dataType, "Value": a.binary}
		} else {
			attributes[name] = record{"Type": a.dataType, "Value": a.text}
		}
	}
	entity := record{
		"Type":              "Notification",
		"MessageId":         m.idOr(),
		"TopicArn":          arn,
		"Message":           m.body,
		"Timestamp":         iso(m.sentOr()),
		"SignatureVersion":  "1",
		"Signature":         "EXAMPLE",
		"MessageAttributes": attributes,
	}
	if m.subject != "" {
		entity["Subject"] = m.subject
	}
	return entity
}
