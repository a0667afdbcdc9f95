package cqrstest

import (
	"crypto/md5" //nolint:gosec // the digests that SQS itself sends
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/lambda-cqrs/cqrs"
)

// SQS is a batch from a standard queue, given by its name or ARN.
// https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
func SQS(queue string, messages ...Message) Payload {
	return queueBatch(arn("sqs", queue), messages)
}

// FIFO is a batch from a FIFO queue; ".fifo" is added to a name without it. A
// message without a group is in the group "default".
func FIFO(queue string, messages ...Message) Payload {
	if !strings.HasSuffix(queue, ".fifo") {
		queue += ".fifo"
	}
	return queueBatch(arn("sqs", queue), messages)
}

func queueBatch(arn string, messages []Message) Payload {
	p := Payload{source: cqrs.SourceSQS}
	sequence := newSequence(20)
	for _, m := range messages {
		p.records = append(p.records, sqsRecord(arn, m, sequence))
	}
	return p
}

func sqsRecord(arn string, m Message, sequence *sequence) record {
	sent := millis(m.sentOr())
	attributes := record{
		"ApproximateReceiveCount":          strconv.Itoa(max(m.received, 1)),
		"SentTimestamp":                    sent,
		"SenderId":                         "AIDAIENQZJOLO23YVJ4VO",
		"ApproximateFirstReceiveTimestamp": sent,
	}
	if m.trace != "" {
		attributes["AWSTraceHeader"] = m.trace
	}
	if strings.HasSuffix(arn, ".fifo") {
		if m.group == "" {
			m.group = "default"
		}
		if m.sequence == "" {
			m.sequence = sequence.String()
		}
		attributes["SequenceNumber"] = m.sequence
		digest := sha256.Sum256([]byte(m.body))
		attributes["MessageDeduplicationId"] = hex.EncodeToString(digest[:])
	}
	if m.group != "" {
		attributes["MessageGroupId"] = m.group
	}
	r := record{
		"messageId":         m.idOr(),
		"receiptHandle":     "AQEB" + randomHex(24) + "==",
		"body":              m.body,
		"attributes":        attributes,
		"messageAttributes": sqsAttributes(m.attributes),
		"md5OfBody":         digestOfBody(m.body),
		"eventSource":       string(cqrs.SourceSQS),
		"eventSourceARN":    arn,
		"awsRegion":         regionOf(arn),
	}
	if len(m.attributes) > 0 {
		r["md5OfMessageAttributes"] = digestOfAttributes(m.attributes)
	}
	return r
}

func sqsAttributes(all map[string]attribute) record {
	out := record{}
	for name, a := range all {
		value := record{"dataType": a.dataType, "stringListValues": []string{}, "binaryListValues": []string{}}
		if a.dataType == "Binary" {
			value["binaryValue"] = a.binary
		} else {
			value["stringValue"] = a.text
		}
		out[name] = value
	}
	return out
}

func digestOfBody(body string) string {
	sum := md5.Sum([]byte(body)) //nolint:gosec // as SQS has it
	return hex.EncodeToString(sum[:])
}

// digestOfAttributes is computed as in
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
func digestOfAttributes(all map[string]attribute) string {
	sum := md5.New() //nolint:gosec // as SQS has it
	for _, name := range slices.Sorted(maps.Keys(all)) {
		a := all[name]
		writeLength(sum, name)
		writeLength(sum, a.dataType)
		if a.dataType == "Binary" {
			_, _ = sum.Write([]byte{2})
			writeLength(sum, string(a.binary))
		} else {
			_, _ = sum.Write([]byte{1})
			writeLength(sum, a.text)
		}
	}
	return hex.EncodeToString(sum.Sum(nil))
}

func writeLength(sum hash.Hash, text string) {
	_ = binary.Write(sum, binary.BigEndian, uint32(len(text)))
	_, _ = io.WriteString(sum, text)
}
