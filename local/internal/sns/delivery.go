package sns

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/lambda-cqrs/cqrs/internal/runtimeapi"
	"github.com/lambda-cqrs/cqrs/local/internal/clock"
	"github.com/lambda-cqrs/cqrs/local/internal/pattern"
	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// accepts applies the subscription's filter policy.
func (sub *subscription) accepts(m *message) bool {
	if sub.filter == nil {
		return true
	}
	if sub.body {
		document, err := pattern.Decode([]byte(m.textFor(sub.protocol)))
		return err == nil && sub.filter.Match(document)
	}
	document := make(map[string]any, len(m.MessageAttributes))
	for name, attribute := range m.MessageAttributes {
		kind, custom, _ := strings.Cut(attribute.DataType, ".")
		switch {
		case kind == "Number":
			document[name] = json.Number(*attribute.StringValue)
		case kind == "String" && custom == "Array":
			if list, err := pattern.Decode([]byte(*attribute.StringValue)); err == nil {
				document[name] = list
			}
		case kind == "String":
			document[name] = *attribute.StringValue
		}
	}
	return sub.filter.Match(document)
}

// attribute is a message attribute in the envelope.
type attribute struct {
	Type  string
	Value string
}

// notification is SNS's envelope. See
// https://docs.aws.amazon.com/sns/latest/dg/http-notification-json.html
type notification struct {
	Type             string
	MessageID        string `json:"MessageId"`
	SequenceNumber   string `json:",omitempty"`
	Token            string `json:",omitempty"`
	TopicARN         string `json:"TopicArn"`
	Subject          string `json:",omitempty"`
	Message          string
	SubscribeURL     string `json:",omitempty"`
	Timestamp        string
	SignatureVersion string
	Signature        string
	SigningCertURL   string
	UnsubscribeURL   string               `json:",omitempty"`
	Attributes       map[string]attribute `json:"MessageAttributes,omitempty"`
}

// envelope has no valid signature: nobody has Amazon's key.
func (s *Server) envelope(kind string, sub *subscription) notification {
	return notification{
		Type:             kind,
		TopicARN:         sub.topic,
		Timestamp:        s.options.Clock.Now().UTC().Format("2006-01-02T15:04:05.000Z"),
		SignatureVersion: "1",
		Signature:        base64.StdEncoding.EncodeToString([]byte("local")),
		SigningCertURL:   s.options.Endpoint + "/SimpleNotificationService.pem",
	}
}

func (s *Server) notification(sub *subscription, m *message, out publishOutput) notification {
	n := s.envelope("Notification", sub)
	n.MessageID, n.SequenceNumber, n.Subject, n.Message = out.MessageID, out.SequenceNumber, m.Subject, m.textFor(sub.protocol)
	n.UnsubscribeURL = s.link("Unsubscribe", url.Values{"SubscriptionArn": {sub.arn}})
	if m.MessageStructure != "json" && len(m.MessageAttributes) > 0 {
		n.Attributes = make(map[string]attribute, len(m.MessageAttributes))
		for name, value := range m.MessageAttributes {
			text := base64.StdEncoding.EncodeToString(value.BinaryValue)
			if value.StringValue != nil {
				text = *value.StringValue
			}
			n.Attributes[name] = attribute{value.DataType, text}
		}
	}
	return n
}

func (s *Server) link(action string, parameters url.Values) string {
	parameters = maps.Clone(parameters)
	parameters.Set("Action", action)
	return s.options.Endpoint + "/?" + parameters.Encode()
}

// send delivers a message to one subscriber. What a queue or a function does not
// take goes to the subscription's dead-letter queue, if it has one.
func (s *Server) send(ctx context.Context, sub *subscription, m *message, out publishOutput) {
	n := s.notification(sub, m, out)
	switch sub.protocol {
	case "sqs":
		delivery := wire.Message{Body: encode(n), Group: m.MessageGroupID, Deduplication: m.MessageDeduplicationID}
		if !strings.HasSuffix(sub.endpoint, ".fifo") {
			delivery.Deduplication = ""
		}
		if sub.raw {
			if len(m.MessageAttributes) > 10 {
				return // a client error, after which SNS discards the message
			}
			delivery.Body, delivery.Attributes = n.Message, m.MessageAttributes
		}
		if s.options.Deliver(ctx, sub.endpoint, delivery) != nil {
			s.deadLetter(ctx, sub, delivery)
		}
	case "lambda":
		delivery := wire.Message{Body: encode(s.event(sub, n))}
		if s.options.Deliver(ctx, sub.endpoint, delivery) != nil {
			s.deadLetter(ctx, sub, wire.Message{Body: encode(n)})
		}
	default:
		s.options.Tasks.Go(func(ctx context.Context) { s.post(ctx, sub, n) })
	}
}

func (s *Server) deadLetter(ctx context.Context, sub *subscription, m wire.Message) {
	if sub.deadLetters != "" {
		_ = s.options.Deliver(ctx, sub.deadLetters, m) // there is no further place to go to
	}
}

// event is a notification as functions get it, where some names differ. See
// https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
func (s *Server) event(sub *subscription, n notification) any {
	if n.Attributes == nil {
		n.Attributes = map[string]attribute{}
	}
	var subject *string
	if n.Subject != "" {
		subject = &n.Subject
	}
	return map[string]any{"Records": []any{map[string]any{
		"EventSource":          "aws:sns",
		"EventVersion":         "1.0",
		"EventSubscriptionArn": sub.arn,
		"Sns": map[string]any{
			"Type": n.Type, "MessageId": n.MessageID, "TopicArn": n.TopicARN, "Subject": subject, "Message": n.Message,
			"Timestamp": n.Timestamp, "SignatureVersion": n.SignatureVersion, "Signature": n.Signature,
			"SigningCertUrl": n.SigningCertURL, "UnsubscribeUrl": n.UnsubscribeURL, "MessageAttributes": n.Attributes,
		},
	}}}
}

func encode(v any) string {
	var document bytes.Buffer
	encoder := json.NewEncoder(&document)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return "" // strings always encode
	}
	return strings.TrimSuffix(document.String(), "\n")
}

// askToConfirm sends an HTTP endpoint the token that proves its consent.
func (s *Server) askToConfirm(sub *subscription) {
	n := s.envelope("SubscriptionConfirmation", sub)
	n.MessageID, n.Token = runtimeapi.NewRequestID(), sub.token
	n.Message = "You have chosen to subscribe to the topic " + sub.topic + ".\nTo confirm the subscription, visit the SubscribeURL."
	n.SubscribeURL = s.link("ConfirmSubscription", url.Values{"TopicArn": {sub.topic}, "Token": {sub.token}})
	s.options.Tasks.Go(func(ctx context.Context) { s.post(ctx, sub, n) })
}

// post makes up to four attempts, 20 s apart, which is SNS's default. See
// https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
func (s *Server) post(ctx context.Context, sub *subscription, n notification) {
	body := encode(n)
	if sub.raw && n.Type == "Notification" {
		body = n.Message
	}
	for attempt := range 4 {
		if attempt > 0 && clock.Sleep(ctx, s.options.Clock, 20*time.Second) != nil {
			return
		}
		if s.postOnce(ctx, sub, n, body) == nil {
			return
		}
	}
	s.deadLetter(ctx, sub, wire.Message{Body: body})
}

func (s *Server) postOnce(ctx context.Context, sub *subscription, n notification, body string) error {
	ctx, cancel := context.WithTimeout(ctx, 15*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, sub.endpoint, strings.NewReader(body))
	if err != nil {
		return fmt.Errorf("notifying %s: %w", sub.endpoint, err)
	}
	request.Header.Set("Content-Type", "text/plain; charset=UTF-8")
	request.Header.Set("X-Amz-Sns-Message-Type", n.Type)
	request.Header.Set("X-Amz-Sns-Message-Id", n.MessageID)
	request.Header.Set("X-Amz-Sns-Topic-Arn", n.TopicARN)
	if n.Type == "Notification" {
		request.Header.Set("X-Amz-Sns-Subscription-Arn", sub.arn)
	}
	if sub.raw {
		request.Header.Set("X-Amz-Sns-Rawdelivery", "true")
	}
	response, err := s.options.Client.Do(request)
	if err != nil {
		return fmt.Errorf("notifying %s: %w", sub.endpoint, err)
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, response.Body) // so that the connection can serve again
	if response.StatusCode/100 != 2 {
		return fmt.Errorf("notifying %s: status %s", sub.endpoint, response.Status)
	}
	return nil
}
