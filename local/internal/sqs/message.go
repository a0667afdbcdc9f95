package sqs

import (
	"crypto/md5" //nolint:gosec // the checksum that SQS's clients compare
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// message is guarded by Server.mu.
type message struct {
	id            string
	body          string
	attributes    map[string]wire.Attribute
	trace         string
	group         string
	deduplication string
	sequence      string // of a FIFO queue
	sent          time.Time
	first         time.Time // of the first receive
	receives      int
	visibleAt     time.Time
	handle        string // of the last receive; "" before the first
	source        string // the ARN of the queue that the message was dead-lettered from
	deleted       bool
}

func (m *message) expired(q *queue, now time.Time) bool {
	return !now.Before(m.sent.Add(q.seconds("MessageRetentionPeriod")))
}

// system lists the attributes that SQS itself gives to a message.
func (m *message) system(account string) map[string]string {
	all := map[string]string{
		"SenderId":                account,
		"SentTimestamp":           strconv.FormatInt(m.sent.UnixMilli(), 10),
		"ApproximateReceiveCount": strconv.Itoa(m.receives),
	}
	if !m.first.IsZero() {
		all["ApproximateFirstReceiveTimestamp"] = strconv.FormatInt(m.first.UnixMilli(), 10)
	}
	for name, value := range map[string]string{
		"AWSTraceHeader":           m.trace,
		"MessageGroupId":           m.group,
		"MessageDeduplicationId":   m.deduplication,
		"SequenceNumber":           m.sequence,
		"DeadLetterQueueSourceArn": m.source,
	} {
		if value != "" {
			all[name] = value
		}
	}
	return all
}

// newHandle is a receipt handle: opaque to callers, and new with every receive.
func newHandle(q *queue, m *message) string {
	return base64.RawURLEncoding.EncodeToString([]byte(q.name + " " + m.id + " " + strconv.Itoa(m.receives)))
}

// receipt is the message of a receipt handle. current is false where the message
// has been received again, and m is nil where it is deleted.
func (q *queue) receipt(handle string) (m *message, current bool, err error) {
	text, err := base64.RawURLEncoding.DecodeString(handle)
	parts := strings.Split(string(text), " ")
	if err != nil || len(parts) != 3 || parts[0] != q.name {
		return nil, false, wire.Invalid("ReceiptHandleIsInvalid", "The input receipt handle is invalid.")
	}
	m = q.byID[parts[1]]
	return m, m != nil && m.handle == handle, nil
}

func md5Of(text string) string {
	sum := md5.Sum([]byte(text)) //nolint:gosec // as above
	return hex.EncodeToString(sum[:])
}

// md5OfAttributes is "" without attributes. See
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
func md5OfAttributes(attributes map[string]wire.Attribute) string {
	if len(attributes) == 0 {
		return ""
	}
	var b []byte
	field := func(value []byte) {
		b = binary.BigEndian.AppendUint32(b, uint32(len(value)))
		b = append(b, value...)
	}
	for _, name := range slices.Sorted(maps.Keys(attributes)) {
		attribute := attributes[name]
		field([]byte(name))
		field([]byte(attribute.DataType))
		if attribute.StringValue != nil {
			b = append(b, 1)
			field([]byte(*attribute.StringValue))
		} else {
			b = append(b, 2)
			field(attribute.BinaryValue)
		}
	}
	return md5Of(string(b))
}

// size is what counts towards the limits: the body and its attributes.
func size(body string, attributes map[string]wire.Attribute) int {
	total := len(body)
	for name, attribute := range attributes {
		total += len(name) + len(attribute.DataType) + len(attribute.BinaryValue)
		if attribute.StringValue != nil {
			total += len(*attribute.StringValue)
		}
	}
	return total
}

// checkText finds what XML 1.0 cannot carry.
func checkText(text string) error {
	for _, r := range text {
		switch {
		case r == '\t' || r == '\n' || r == '\r':
		case r >= 0x20 && r <= 0xD7FF || r >= 0xE000 && r <= 0xFFFD || r >= 0x10000:
		default:
			return wire.Invalid("InvalidMessageContents", "Invalid binary character %q was found in the message body", r)
		}
	}
	return nil
}

func checkAttributes(attributes map[string]wire.Attribute) error {
	if len(attributes) > 10 {
		return badValue("Number of message attributes [%d] exceeds the allowed maximum [10].", len(attributes))
	}
	for name, attribute := range attributes {
		if err := checkAttribute(name, attribute); err != nil {
			return err
		}
	}
	return nil
}

func checkAttribute(name string, attribute wire.Attribute) error {
	kind, _, _ := strings.Cut(attribute.DataType, ".")
	complain := func(format string, arguments ...any) error {
		return badValue("The message attribute '%s' %s", name, fmt.Sprintf(format, arguments...))
	}
	switch {
	case name == "" || len(name) > 256 || reserved(name):
		return complain("has an invalid name.")
	case kind != "String" && kind != "Number" && kind != "Binary":
		return complain("has an invalid message attribute type %q.", attribute.DataType)
	case kind == "Binary" && len(attribute.BinaryValue) == 0,
		kind != "Binary" && (attribute.StringValue == nil || *attribute.StringValue == ""):
		return complain("must contain a non-empty message attribute value for the type %q.", attribute.DataType)
	case kind == "Number":
		if _, err := strconv.ParseFloat(*attribute.StringValue, 64); err != nil {
			return complain("is no number.")
		}
	case kind == "String":
		return checkText(*attribute.StringValue)
	}
	return nil
}

func reserved(name string) bool {
	lower := strings.ToLower(name)
	return strings.HasPrefix(lower, "aws.") || strings.HasPrefix(lower, "amazon.")
}
