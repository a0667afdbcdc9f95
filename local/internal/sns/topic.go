package sns

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lambda-cqrs/cqrs/local/internal/fault"
	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

var topicName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)

// topic is guarded by Server.mu, except for order.
type topic struct {
	arn        string
	fifo       bool
	attributes map[string]string
	duplicates map[string]duplicate
	// order is held while a FIFO topic takes and delivers a message.
	order sync.Mutex
}

// duplicate is a message that was published to a FIFO topic.
type duplicate struct {
	output publishOutput
	until  time.Time
}

func settable(attribute string) bool {
	switch attribute {
	case "DisplayName", "Policy", "KmsMasterKeyId", "SignatureVersion", "TracingConfig", "FifoTopic", "ContentBasedDeduplication",
		"FifoThroughputScope", "MaximumMessageSize":
		return true
	default:
		return false
	}
}

type createTopicInput struct {
	Name       string
	Attributes map[string]string
	Tags       []struct{ Key, Value string }
}

type topicOutput struct {
	TopicARN string `xml:"TopicArn"`
}

func (s *Server) createTopic(_ context.Context, in *createTopicInput) (*topicOutput, error) {
	base, fifo := strings.CutSuffix(in.Name, ".fifo")
	if !topicName.MatchString(base) || fifo != (in.Attributes["FifoTopic"] == "true") {
		return nil, badParameter("Topic Name %q; the name of a FIFO topic ends with .fifo, and its attribute FifoTopic is true", in.Name)
	}
	for attribute := range in.Attributes {
		if !settable(attribute) {
			return nil, badParameter("Attributes: the local runtime does not support %s", attribute)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	arn := s.options.ARN("sns", in.Name)
	if t, ok := s.topics[arn]; ok {
		for attribute, value := range in.Attributes {
			if t.attributes[attribute] != value {
				return nil, badParameter("Attributes Reason: Topic already exists with different attributes")
			}
		}
		return &topicOutput{arn}, nil
	}
	attributes := maps.Clone(in.Attributes)
	if attributes == nil {
		attributes = make(map[string]string)
	}
	s.topics[arn] = &topic{arn: arn, fifo: fifo, attributes: attributes, duplicates: make(map[string]duplicate)}
	return &topicOutput{arn}, nil
}

type topicInput struct {
	TopicARN string `json:"TopicArn"`
}

// ARN is the full name of the topic that a name or an ARN means.
func (s *Server) ARN(address string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	arn := s.options.ARN("sns", fault.Name(address))
	_, err := s.topic(arn)
	return arn, err
}

// topic is called while mu is held.
func (s *Server) topic(arn string) (*topic, error) {
	if t, ok := s.topics[arn]; ok {
		return t, nil
	}
	return nil, notFound("Topic")
}

func (s *Server) deleteTopic(_ context.Context, in *topicInput) (*wire.None, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.topics, in.TopicARN)
	maps.DeleteFunc(s.subscriptions, func(_ string, sub *subscription) bool { return sub.topic == in.TopicARN })
	return &wire.None{}, nil
}

type listInput struct {
	NextToken string
	TopicARN  string `json:"TopicArn"`
}

type listTopicsOutput struct {
	Topics struct {
		Members []topicOutput `xml:"member"`
	}
	NextToken string `xml:",omitempty"`
}

const page = 100

func (s *Server) listTopics(_ context.Context, in *listInput) (*listTopicsOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := &listTopicsOutput{}
	for _, arn := range slices.Sorted(maps.Keys(s.topics)) {
		if arn <= in.NextToken {
			continue
		}
		if len(out.Topics.Members) == page {
			out.NextToken = out.Topics.Members[page-1].TopicARN
			break
		}
		out.Topics.Members = append(out.Topics.Members, topicOutput{arn})
	}
	return out, nil
}

type attributesOutput struct {
	Attributes attributeMap
}

func (s *Server) getTopicAttributes(_ context.Context, in *topicInput) (*attributesOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.topic(in.TopicARN)
	if err != nil {
		return nil, err
	}
	all := attributeMap{"TopicArn": t.arn, "Owner": s.options.Account}
	maps.Copy(all, t.attributes)
	confirmed, pending := 0, 0
	for _, sub := range s.subscriptions {
		switch {
		case sub.topic != t.arn:
		case sub.pending:
			pending++
		default:
			confirmed++
		}
	}
	all["SubscriptionsConfirmed"] = strconv.Itoa(confirmed)
	all["SubscriptionsPending"] = strconv.Itoa(pending)
	return &attributesOutput{all}, nil
}

type setTopicAttributesInput struct {
	TopicARN       string `json:"TopicArn"`
	AttributeName  string
	AttributeValue string
}

func (s *Server) setTopicAttributes(_ context.Context, in *setTopicAttributesInput) (*wire.None, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.topic(in.TopicARN)
	if err != nil {
		return nil, err
	}
	if !settable(in.AttributeName) || in.AttributeName == "FifoTopic" {
		return nil, badParameter("AttributeName: the local runtime does not support %s", in.AttributeName)
	}
	t.attributes[in.AttributeName] = in.AttributeValue
	return &wire.None{}, nil
}
