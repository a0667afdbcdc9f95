package sqs

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// rule is what an attribute of a queue may be.
type rule struct {
	standard string // its default; "" where the attribute is absent unless set
	min, max int    // of a number; both 0 where it is none
	fifo     bool   // for FIFO queues only
	fixed    bool   // at the creation of the queue
}

func ruleOf(attribute string) (rule, bool) {
	switch attribute {
	case "DelaySeconds":
		return rule{standard: "0", max: 900}, true
	case "MaximumMessageSize":
		return rule{standard: "1048576", min: 1024, max: 1 << 20}, true
	case "MessageRetentionPeriod":
		return rule{standard: "345600", min: 60, max: 1209600}, true
	case "ReceiveMessageWaitTimeSeconds":
		return rule{standard: "0", max: 20}, true
	case "VisibilityTimeout":
		return rule{standard: "30", max: 43200}, true
	case "KmsDataKeyReusePeriodSeconds":
		return rule{min: 60, max: 86400}, true
	case "Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId":
		return rule{}, true
	case "SqsManagedSseEnabled":
		return rule{standard: "true"}, true
	case "FifoQueue":
		return rule{fifo: true, fixed: true}, true
	case "ContentBasedDeduplication":
		return rule{standard: "false", fifo: true}, true
	case "DeduplicationScope":
		return rule{standard: "queue", fifo: true}, true
	case "FifoThroughputLimit":
		return rule{standard: "perQueue", fifo: true}, true
	default:
		return rule{}, false
	}
}

func settable() []string {
	return []string{
		"DelaySeconds", "MaximumMessageSize", "MessageRetentionPeriod", "ReceiveMessageWaitTimeSeconds", "VisibilityTimeout",
		"KmsDataKeyReusePeriodSeconds", "Policy", "RedrivePolicy", "RedriveAllowPolicy", "KmsMasterKeyId", "SqsManagedSseEnabled",
		"FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit",
	}
}

// checkAttributes is called while mu is held.
func (s *Server) checkAttributes(attributes map[string]string, fifo, creation bool) error {
	for name, value := range attributes {
		allowed, ok := ruleOf(name)
		if !ok || allowed.fifo && !fifo || allowed.fixed && !creation {
			return wire.Invalid("InvalidAttributeName", "Unknown Attribute %s.", name)
		}
		if allowed.max > 0 {
			number, err := strconv.Atoi(value)
			if err != nil || number < allowed.min || number > allowed.max {
				return wire.Invalid("InvalidAttributeValue", "Invalid value for the parameter %s: %q is not within %d and %d.",
					name, value, allowed.min, allowed.max)
			}
		}
		if name == "RedrivePolicy" && value != "" {
			if err := s.checkRedrivePolicy(value, fifo); err != nil {
				return err
			}
		}
	}
	return nil
}

// redrivePolicy says where messages go that were received too often.
type redrivePolicy struct {
	Target string      `json:"deadLetterTargetArn"`
	Max    json.Number `json:"maxReceiveCount"` // as a number or a string
}

func (s *Server) checkRedrivePolicy(document string, fifo bool) error {
	policy, receives, err := parseRedrivePolicy(document)
	if err != nil {
		return err
	}
	if receives < 1 || receives > 1000 {
		return badValue("Value %s for RedrivePolicy is invalid: maxReceiveCount", document)
	}
	target, err := s.find(policy.Target)
	if err != nil {
		return badValue("Value %s for RedrivePolicy is invalid: Dead letter target does not exist.", document)
	}
	if target.fifo != fifo {
		return badValue("The dead-letter queue of a FIFO queue must be a FIFO queue, and that of a standard queue a standard one")
	}
	return nil
}

func parseRedrivePolicy(document string) (policy redrivePolicy, receives int, err error) {
	if err := json.Unmarshal([]byte(document), &policy); err != nil {
		return policy, 0, badValue("Value %s for RedrivePolicy is invalid: %v", document, err)
	}
	receives, err = strconv.Atoi(policy.Max.String())
	if err != nil {
		return policy, 0, badValue("Value %s for RedrivePolicy is invalid: maxReceiveCount", document)
	}
	return policy, receives, nil
}

// redrive is the queue's policy, and false where it has none.
func (q *queue) redrive() (target string, receives int, ok bool) {
	document := q.attributes["RedrivePolicy"]
	if document == "" {
		return "", 0, false
	}
	policy, receives, err := parseRedrivePolicy(document)
	return policy.Target, receives, err == nil
}

// attribute is the value in force.
func (q *queue) attribute(name string) string {
	if value, ok := q.attributes[name]; ok {
		return value
	}
	allowed, _ := ruleOf(name)
	if allowed.fifo && !q.fifo {
		return ""
	}
	return allowed.standard
}

func (q *queue) number(attribute string) int {
	number, _ := strconv.Atoi(q.attribute(attribute)) // checked when it was set
	return number
}

func (q *queue) seconds(attribute string) time.Duration {
	return time.Duration(q.number(attribute)) * time.Second
}

type setQueueAttributesInput struct {
	QueueURL   string `json:"QueueUrl"`
	Attributes map[string]string
}

func (s *Server) setQueueAttributes(_ context.Context, in *setQueueAttributesInput) (*wire.None, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(in.QueueURL)
	if err != nil {
		return nil, err
	}
	if err := s.checkAttributes(in.Attributes, q.fifo, false); err != nil {
		return nil, err
	}
	for name, value := range in.Attributes {
		q.attributes[name] = value
		if value == "" { // which removes a policy
			delete(q.attributes, name)
		}
	}
	q.modified = s.options.Clock.Now()
	q.announce()
	return &wire.None{}, nil
}

type getQueueAttributesInput struct {
	QueueURL       string `json:"QueueUrl"`
	AttributeNames []string
}

type getQueueAttributesOutput struct {
	Attributes map[string]string
}

func (s *Server) getQueueAttributes(_ context.Context, in *getQueueAttributesInput) (*getQueueAttributesOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(in.QueueURL)
	if err != nil {
		return nil, err
	}
	all := q.allAttributes(s.options.Clock.Now())
	if slices.Contains(in.AttributeNames, "All") {
		return &getQueueAttributesOutput{all}, nil
	}
	chosen := make(map[string]string)
	for _, name := range in.AttributeNames {
		if value, ok := all[name]; ok {
			chosen[name] = value
		} else if _, known := ruleOf(name); !known {
			return nil, wire.Invalid("InvalidAttributeName", "Unknown Attribute %s.", name)
		}
	}
	return &getQueueAttributesOutput{chosen}, nil
}

// count counts the messages that can be received, that were, and that are not yet.
func (q *queue) count(now time.Time) (visible, inFlight, delayed int) {
	for _, m := range q.messages {
		switch {
		case m.deleted || m.expired(q, now):
		case !m.visibleAt.After(now):
			visible++
		case m.handle != "":
			inFlight++
		default:
			delayed++
		}
	}
	return visible, inFlight, delayed
}

func (q *queue) allAttributes(now time.Time) map[string]string {
	visible, inFlight, delayed := q.count(now)
	all := map[string]string{
		"QueueArn":                              q.arn,
		"CreatedTimestamp":                      strconv.FormatInt(q.created.Unix(), 10),
		"LastModifiedTimestamp":                 strconv.FormatInt(q.modified.Unix(), 10),
		"ApproximateNumberOfMessages":           strconv.Itoa(visible),
		"ApproximateNumberOfMessagesNotVisible": strconv.Itoa(inFlight),
		"ApproximateNumberOfMessagesDelayed":    strconv.Itoa(delayed),
	}
	for _, name := range settable() {
		if value := strings.TrimSpace(q.attribute(name)); value != "" {
			all[name] = value
		}
	}
	return all
}
