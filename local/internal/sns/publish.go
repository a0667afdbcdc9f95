package sns

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/lambda-cqrs/cqrs/internal/runtimeapi"
	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// deduplicationInterval is AWS's.
const deduplicationInterval = 5 * time.Minute

var attributeName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,256}$`)

// message is what a publisher sends.
type message struct {
	Message                string
	Subject                string
	MessageStructure       string
	MessageAttributes      map[string]wire.Attribute
	MessageGroupID         string `json:"MessageGroupId"`
	MessageDeduplicationID string `json:"MessageDeduplicationId"`
}

type publishInput struct {
	message
	TopicARN  string `json:"TopicArn"`
	TargetARN string `json:"TargetArn"`
}

type publishOutput struct {
	MessageID      string `json:"MessageId"                xml:"MessageId"`
	SequenceNumber string `json:"SequenceNumber,omitempty" xml:"SequenceNumber,omitempty"`
}

func (s *Server) publishOne(ctx context.Context, in *publishInput) (*publishOutput, error) {
	arn := in.TopicARN
	if arn == "" {
		arn = in.TargetARN
	}
	return s.publish(ctx, arn, &in.message)
}

// Publish delivers m to the topic.
func (s *Server) Publish(ctx context.Context, arn string, m wire.Message) error {
	_, err := s.publish(ctx, arn, &message{
		Message: m.Body, Subject: m.Subject, MessageAttributes: m.Attributes,
		MessageGroupID: m.Group, MessageDeduplicationID: m.Deduplication,
	})
	return err
}

// publish returns when the message is in its queues, and on its way to functions
// and HTTP endpoints.
func (s *Server) publish(ctx context.Context, arn string, m *message) (*publishOutput, error) {
	s.mu.Lock()
	t, err := s.topic(arn)
	if err == nil {
		err = m.check(t)
	}
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	out := publishOutput{MessageID: runtimeapi.NewRequestID()}
	if t.fifo {
		t.order.Lock()
		defer t.order.Unlock()
	}
	s.mu.Lock()
	if t.fifo {
		if earlier, ok := s.number(t, m, &out); ok {
			s.mu.Unlock()
			return earlier, nil
		}
	}
	var receivers []*subscription
	for _, sub := range s.subscriptions {
		if sub.topic == arn && !sub.pending && sub.accepts(m) {
			receivers = append(receivers, sub)
		}
	}
	s.mu.Unlock()
	for _, sub := range receivers {
		s.send(ctx, sub, m, out)
	}
	return &out, nil
}

// number gives a message to a FIFO topic its sequence number, unless it is a
// duplicate. It is called while mu is held.
func (s *Server) number(t *topic, m *message, out *publishOutput) (earlier *publishOutput, duplicated bool) {
	if m.MessageDeduplicationID == "" {
		sum := sha256.Sum256([]byte(m.Message))
		m.MessageDeduplicationID = hex.EncodeToString(sum[:])
	}
	now := s.options.Clock.Now()
	key := m.MessageDeduplicationID
	if t.attributes["FifoThroughputScope"] == "MessageGroup" {
		key = m.MessageGroupID + "\x00" + key
	}
	if known, ok := t.duplicates[key]; ok && now.Before(known.until) {
		return &known.output, true
	}
	s.sequence++
	out.SequenceNumber = fmt.Sprintf("%020d", 10_000_000_000_000_000_000+s.sequence)
	t.duplicates[key] = duplicate{*out, now.Add(deduplicationInterval)}
	return nil, false
}

func (m *message) check(t *topic) error {
	limit := 256 << 10
	if set, err := strconv.Atoi(t.attributes["MaximumMessageSize"]); err == nil {
		limit = set
	}
	switch {
	case m.Message == "":
		return badParameter("Empty message")
	case m.size() > limit:
		return badParameter("Message too long")
	case !utf8.ValidString(m.Message):
		return badParameter("Message is no UTF-8")
	case utf8.RuneCountInString(m.Subject) >= 100 || strings.ContainsFunc(m.Subject, unicode.IsControl):
		return badParameter("Subject")
	case m.MessageStructure != "" && m.MessageStructure != "json":
		return badParameter("MessageStructure")
	case m.MessageStructure == "json" && m.textFor("default") == "":
		return badParameter("Message Structure - No default entry in JSON message body")
	case t.fifo && m.MessageGroupID == "":
		return badParameter("The MessageGroupId parameter is required for FIFO topics")
	case t.fifo && m.MessageDeduplicationID == "" && t.attributes["ContentBasedDeduplication"] != "true":
		return badParameter("The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")
	case !t.fifo && m.MessageDeduplicationID != "":
		return badParameter("MessageDeduplicationId Reason: The parameter is not valid for this topic type")
	}
	return m.checkAttributes()
}

func (m *message) checkAttributes() error {
	for name, attribute := range m.MessageAttributes {
		lower := strings.ToLower(name)
		if !attributeName.MatchString(name) || strings.HasPrefix(lower, "aws.") || strings.HasPrefix(lower, "amazon.") {
			return wire.Invalid("ParameterValueInvalid", "The message attribute name %q is invalid", name)
		}
		kind, _, _ := strings.Cut(attribute.DataType, ".")
		text := ""
		if attribute.StringValue != nil {
			text = *attribute.StringValue
		}
		_, numberErr := strconv.ParseFloat(text, 64)
		switch {
		case kind == "Binary" && len(attribute.BinaryValue) > 0, kind == "String" && text != "", kind == "Number" && numberErr == nil:
		default:
			return wire.Invalid("ParameterValueInvalid", "The message attribute %q has no value of its type %q", name, attribute.DataType)
		}
	}
	return nil
}

func (m *message) size() int {
	total := len(m.Message)
	for name, attribute := range m.MessageAttributes {
		total += len(name) + len(attribute.DataType) + len(attribute.BinaryValue)
		if attribute.StringValue != nil {
			total += len(*attribute.StringValue)
		}
	}
	return total
}

// textFor is what subscribers of a protocol get.
func (m *message) textFor(protocol string) string {
	if m.MessageStructure != "json" {
		return m.Message
	}
	var texts map[string]any
	if json.Unmarshal([]byte(m.Message), &texts) != nil {
		return ""
	}
	if text, ok := texts[protocol].(string); ok {
		return text
	}
	text, _ := texts["default"].(string)
	return text
}

type batchEntry struct {
	message
	ID string `json:"Id"`
}

type publishBatchInput struct {
	TopicARN string       `json:"TopicArn"`
	Entries  []batchEntry `json:"PublishBatchRequestEntries"`
}

type batchResult struct {
	publishOutput
	ID string `xml:"Id"`
}

type batchFailure struct {
	ID          string `xml:"Id"`
	Code        string
	Message     string
	SenderFault bool
}

type publishBatchOutput struct {
	Successful struct {
		Members []batchResult `xml:"member"`
	}
	Failed struct {
		Members []batchFailure `xml:"member"`
	}
}

func (s *Server) publishBatch(ctx context.Context, in *publishBatchInput) (*publishBatchOutput, error) {
	ids := make(map[string]bool)
	total := 0
	for i := range in.Entries {
		ids[in.Entries[i].ID] = true
		total += in.Entries[i].size()
	}
	switch {
	case len(in.Entries) == 0:
		return nil, wire.Invalid("EmptyBatchRequest", "The batch request doesn't contain any entries.")
	case len(in.Entries) > 10:
		return nil, wire.Invalid("TooManyEntriesInBatchRequest", "The batch request contains more entries than permissible.")
	case len(ids) < len(in.Entries):
		return nil, wire.Invalid("BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.")
	case total > 256<<10:
		return nil, wire.Invalid("BatchRequestTooLong", "The length of all the batch messages put together is more than the limit.")
	}
	s.mu.Lock()
	_, err := s.topic(in.TopicARN)
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	out := &publishBatchOutput{}
	for i := range in.Entries {
		e := &in.Entries[i]
		published, err := s.publish(ctx, in.TopicARN, &e.message)
		if err != nil {
			answer := wire.AsError(err)
			out.Failed.Members = append(out.Failed.Members, batchFailure{e.ID, answer.Code, answer.Message, true})
			continue
		}
		out.Successful.Members = append(out.Successful.Members, batchResult{*published, e.ID})
	}
	return out, nil
}
