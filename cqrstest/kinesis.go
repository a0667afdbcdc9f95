package cqrstest

import (
	"encoding/base64"
	"strings"

	"github.com/lambda-cqrs/cqrs"
)

// Kinesis is a batch from a stream, given by its name or ARN. The partition key
// is the group of the message, "default" where it has none.
// https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
func Kinesis(stream string, records ...Message) Payload {
	arn := stream
	if !strings.HasPrefix(stream, "arn:") {
		arn = newARN("kinesis", "stream/"+stream)
	}
	p := Payload{source: cqrs.SourceKinesis}
	sequence := newSequence(56)
	for _, m := range records {
		if m.group == "" {
			m.group = "default"
		}
		if m.sequence == "" {
			m.sequence = sequence.String()
		}
		p.records = append(p.records, record{
			"kinesis": record{
				"kinesisSchemaVersion":        "1.0",
				"partitionKey":                m.group,
				"sequenceNumber":              m.sequence,
				"data":                        base64.StdEncoding.EncodeToString([]byte(m.body)),
				"approximateArrivalTimestamp": seconds(m.sentOr()),
			},
			"eventSource":       string(cqrs.SourceKinesis),
			"eventVersion":      "1.0",
			"eventID":           "shardId-000000000000:" + m.sequence,
			"eventName":         "aws:kinesis:record",
			"invokeIdentityArn": "arn:aws:iam::" + account + ":role/lambda",
			"awsRegion":         regionOf(arn),
			"eventSourceARN":    arn,
		})
	}
	return p
}
