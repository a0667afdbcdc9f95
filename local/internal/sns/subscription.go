package sns

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/lambda-cqrs/cqrs/internal/runtimeapi"
	"github.com/lambda-cqrs/cqrs/local/internal/pattern"
	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// subscription is immutable, except that it is replaced in Server.subscriptions.
type subscription struct {
	arn, topic         string
	protocol, endpoint string
	attributes         map[string]string
	filter             *pattern.Pattern // nil: everything
	body               bool             // whether the filter is for the body
	raw                bool
	deadLetters        string // the ARN of a queue, "" without
	pending            bool   // until an HTTP endpoint has confirmed
	token              string
}

type subscribeInput struct {
	TopicARN              string `json:"TopicArn"`
	Protocol              string
	Endpoint              string
	Attributes            map[string]string
	ReturnSubscriptionARN bool `json:"ReturnSubscriptionArn,string"`
}

type subscribeOutput struct {
	SubscriptionARN string `xml:"SubscriptionArn"`
}

func (s *Server) subscribe(_ context.Context, in *subscribeInput) (*subscribeOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.topic(in.TopicARN)
	if err != nil {
		return nil, err
	}
	if err := checkEndpoint(t, in); err != nil {
		return nil, err
	}
	for _, sub := range s.subscriptions {
		if sub.topic != in.TopicARN || sub.protocol != in.Protocol || sub.endpoint != in.Endpoint {
			continue
		}
		if !maps.Equal(sub.attributes, in.Attributes) {
			return nil, badParameter("Attributes Reason: Subscription already exists with different attributes")
		}
		return &subscribeOutput{sub.arn}, nil
	}
	sub := &subscription{
		arn:      in.TopicARN + ":" + runtimeapi.NewRequestID(),
		topic:    in.TopicARN,
		protocol: in.Protocol,
		endpoint: in.Endpoint,
		pending:  strings.HasPrefix(in.Protocol, "http"),
	}
	for name, value := range in.Attributes {
		if sub, err = sub.with(name, value); err != nil {
			return nil, err
		}
	}
	out := &subscribeOutput{sub.arn}
	if sub.pending {
		sub.token = strings.ReplaceAll(runtimeapi.NewRequestID()+runtimeapi.NewRequestID(), "-", "")
		s.askToConfirm(sub)
		if !in.ReturnSubscriptionARN {
			out.SubscriptionARN = "pending confirmation"
		}
	}
	s.subscriptions[sub.arn] = sub
	return out, nil
}

func checkEndpoint(t *topic, in *subscribeInput) error {
	fifoQueue := strings.HasSuffix(in.Endpoint, ".fifo")
	switch in.Protocol {
	case "sqs":
		if !strings.HasPrefix(in.Endpoint, "arn:aws:sqs:") || fifoQueue && !t.fifo {
			return badParameter("Endpoint Reason: not the ARN of a queue, or a FIFO queue for a standard topic: %s", in.Endpoint)
		}
	case "lambda":
		if !strings.HasPrefix(in.Endpoint, "arn:aws:lambda:") || t.fifo {
			return badParameter("Endpoint Reason: not the ARN of a function, or a FIFO topic, which has no functions: %s", in.Endpoint)
		}
	case "http", "https":
		if !strings.HasPrefix(in.Endpoint, in.Protocol+"://") || t.fifo {
			return badParameter("Endpoint must match the specified protocol, and FIFO topics have no HTTP endpoints: %s", in.Endpoint)
		}
	default:
		return badParameter("Protocol: the local runtime does not support %q", in.Protocol)
	}
	return nil
}

// with returns the subscription with one attribute changed.
func (sub *subscription) with(name, value string) (*subscription, error) {
	changed := *sub
	changed.attributes = maps.Clone(sub.attributes)
	if changed.attributes == nil {
		changed.attributes = make(map[string]string)
	}
	changed.attributes[name] = value
	switch name {
	case "RawMessageDelivery":
		changed.raw = value == "true"
	case "FilterPolicyScope":
		if value != "MessageAttributes" && value != "MessageBody" {
			return nil, badParameter("FilterPolicyScope: Invalid value [%s]", value)
		}
		changed.body = value == "MessageBody"
	case "FilterPolicy":
		changed.filter = nil
		if value != "" && value != "{}" {
			filter, err := pattern.Parse([]byte(value))
			if err != nil {
				return nil, badParameter("FilterPolicy: %v", err)
			}
			changed.filter = filter
		}
	case "RedrivePolicy":
		var policy struct {
			Target string `json:"deadLetterTargetArn"`
		}
		if err := json.Unmarshal([]byte(value), &policy); err != nil || policy.Target == "" {
			return nil, badParameter("RedrivePolicy: deadLetterTargetArn is missing")
		}
		changed.deadLetters = policy.Target
	default:
		return nil, badParameter("AttributeName: the local runtime does not support %s", name)
	}
	return &changed, nil
}

type confirmSubscriptionInput struct {
	TopicARN                  string `json:"TopicArn"`
	Token                     string
	AuthenticateOnUnsubscribe string
}

func (s *Server) confirmSubscription(_ context.Context, in *confirmSubscriptionInput) (*subscribeOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for arn, sub := range s.subscriptions {
		if sub.token != "" && sub.token == in.Token && sub.topic == in.TopicARN {
			confirmed := *sub
			confirmed.pending = false
			s.subscriptions[arn] = &confirmed
			return &subscribeOutput{arn}, nil
		}
	}
	return nil, badParameter("Token")
}

type subscriptionInput struct {
	SubscriptionARN string `json:"SubscriptionArn"`
	AttributeName   string
	AttributeValue  string
}

func (s *Server) unsubscribe(_ context.Context, in *subscriptionInput) (*wire.None, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.subscriptions, in.SubscriptionARN)
	return &wire.None{}, nil
}

type listedSubscription struct {
	SubscriptionARN string `xml:"SubscriptionArn"`
	Owner           string
	Protocol        string
	Endpoint        string
	TopicARN        string `xml:"TopicArn"`
}

type listSubscriptionsOutput struct {
	Subscriptions struct {
		Members []listedSubscription `xml:"member"`
	}
	NextToken string `xml:",omitempty"`
}

func (s *Server) listSubscriptions(_ context.Context, in *listInput) (*listSubscriptionsOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.TopicARN != "" {
		if _, err := s.topic(in.TopicARN); err != nil {
			return nil, err
		}
	}
	out := &listSubscriptionsOutput{}
	last := ""
	for _, arn := range slices.Sorted(maps.Keys(s.subscriptions)) {
		sub := s.subscriptions[arn]
		if arn <= in.NextToken || in.TopicARN != "" && sub.topic != in.TopicARN {
			continue
		}
		if len(out.Subscriptions.Members) == page {
			out.NextToken = last
			break
		}
		last = arn
		if sub.pending {
			arn = "PendingConfirmation"
		}
		out.Subscriptions.Members = append(out.Subscriptions.Members,
			listedSubscription{arn, s.options.Account, sub.protocol, sub.endpoint, sub.topic})
	}
	return out, nil
}

// subscription is called while mu is held.
func (s *Server) subscription(arn string) (*subscription, error) {
	if sub, ok := s.subscriptions[arn]; ok {
		return sub, nil
	}
	return nil, notFound("Subscription")
}

func (s *Server) getSubscriptionAttributes(_ context.Context, in *subscriptionInput) (*attributesOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub, err := s.subscription(in.SubscriptionARN)
	if err != nil {
		return nil, err
	}
	all := attributeMap{
		"SubscriptionArn": sub.arn, "TopicArn": sub.topic, "Protocol": sub.protocol, "Endpoint": sub.endpoint,
		"Owner": s.options.Account, "RawMessageDelivery": "false", "PendingConfirmation": "false",
	}
	if sub.pending {
		all["PendingConfirmation"] = "true"
	}
	maps.Copy(all, sub.attributes)
	return &attributesOutput{all}, nil
}

func (s *Server) setSubscriptionAttributes(_ context.Context, in *subscriptionInput) (*wire.None, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sub, err := s.subscription(in.SubscriptionARN)
	if err != nil {
		return nil, err
	}
	changed, err := sub.with(in.AttributeName, in.AttributeValue)
	if err != nil {
		return nil, err
	}
	s.subscriptions[sub.arn] = changed
	return &wire.None{}, nil
}
