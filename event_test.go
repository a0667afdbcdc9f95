package cqrs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
)

func TestTaskTokenIsNotShown(t *testing.T) {
	t.Parallel()
	const secret = "AQDEAAAAKgAAAAMAAAAAAAAAAe"
	token := cqrs.TaskToken(secret)
	event := cqrs.StepFunctionsEvent{Type: "T", TaskToken: token, Payload: json.RawMessage(`{}`), Context: &cqrs.StepFunctionsContext{}}
	event.Context.Task.Token = token
	message := &cqrs.Message{ID: "m", TaskToken: token}
	delivery := &cqrs.Delivery{Message: message, Event: struct{ Token cqrs.TaskToken }{token}}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T%v"} {
		for _, value := range []any{token, &token, event, &event, *message, message, *delivery, []cqrs.TaskToken{token}} {
			text := fmt.Sprintf(verb, value)
			require.NotContains(t, text, secret, verb)
			require.NotContains(t, text, fmt.Sprintf("%x", secret), verb)
			require.NotContains(t, text, fmt.Sprintf("%X", secret), verb)
		}
	}
	require.Equal(t, "[redacted]", fmt.Sprint(token))
	require.Empty(t, fmt.Sprint(cqrs.TaskToken("")))

	for _, handler := range []func(*bytes.Buffer) slog.Handler{
		func(b *bytes.Buffer) slog.Handler { return slog.NewJSONHandler(b, nil) },
		func(b *bytes.Buffer) slog.Handler { return slog.NewTextHandler(b, nil) },
	} {
		var out bytes.Buffer
		slog.New(handler(&out)).Info("m", "token", token, "event", &event, "message", message, "delivery", delivery)
		require.NotContains(t, out.String(), secret)
		require.Contains(t, out.String(), "[redacted]")
	}

	text, err := json.Marshal(token)
	require.NoError(t, err)
	require.Equal(t, `"`+secret+`"`, string(text))
	var back cqrs.TaskToken
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, secret, string(back))
}

func TestMessageLast(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		message cqrs.Message
		last    bool
	}{
		{cqrs.Message{Source: cqrs.SourceSQS, Attempt: 3, MaxAttempts: 3}, true},
		{cqrs.Message{Source: cqrs.SourceSQS, Attempt: 4, MaxAttempts: 3}, true},
		{cqrs.Message{Source: cqrs.SourceSQS, Attempt: 2, MaxAttempts: 3}, false},
		{cqrs.Message{Source: cqrs.SourceSQS, Attempt: 9}, false},
		{cqrs.Message{Source: cqrs.SourceDynamoDB}, false},
		{cqrs.Message{Source: cqrs.SourceStepFunctions, Attempt: 1}, true},
	} {
		require.Equal(t, test.last, test.message.Last(), "%+v", &test.message)
	}
}

// everything makes one event of whatever comes.
type everything struct{}

type arrived struct{}

func (everything) TransformSQS(context.Context, *events.SQSMessage) ([]cqrs.Event, error) {
	return []cqrs.Event{arrived{}}, nil
}

func (everything) TransformSNS(context.Context, *events.SNSEventRecord) ([]cqrs.Event, error) {
	return []cqrs.Event{arrived{}}, nil
}

func (everything) TransformDynamoDBStream(context.Context, *cqrs.DynamoDBRecord) ([]cqrs.Event, error) {
	return []cqrs.Event{arrived{}}, nil
}

func (everything) TransformKinesis(context.Context, *events.KinesisEventRecord) ([]cqrs.Event, error) {
	return []cqrs.Event{arrived{}}, nil
}

func (everything) TransformEventBridge(context.Context, *events.EventBridgeEvent) ([]cqrs.Event, error) {
	return []cqrs.Event{arrived{}}, nil
}

func (everything) TransformStepFunction(context.Context, *cqrs.StepFunctionsEvent) ([]cqrs.Event, error) {
	return []cqrs.Event{arrived{}}, nil
}

func (everything) TransformS3(context.Context, *events.S3EventRecord) ([]cqrs.Event, error) {
	return []cqrs.Event{arrived{}}, nil
}

// messagesOf returns the messages of a payload as a handler sees them.
func messagesOf(t tester, ctx context.Context, payload []byte, cfg cqrs.Config) []*cqrs.Message {
	var all []*cqrs.Message
	cfg.Factory, cfg.Registry, cfg.Logger = everything{}, cqrs.NewRegistry(), quiet()
	cqrs.RegisterFunc(cfg.Registry, func(ctx context.Context, _ arrived) error {
		d, ok := cqrs.DeliveryFrom(ctx)
		require.True(t, ok)
		all = append(all, d.Message)
		return nil
	})
	d, err := cqrs.New(cfg)
	require.NoError(t, err)
	_, err = d.Invoke(ctx, payload)
	require.NoError(t, err)
	return all
}

func TestDeliveryFromOutsideOfAHandler(t *testing.T) {
	t.Parallel()
	_, ok := cqrs.DeliveryFrom(t.Context())
	require.False(t, ok)
}

type (
	keyEvent    struct{ ID string }
	fullEvent   struct{ ID string }
	plainEvent  struct{ ID string }
	emptyTokens struct{}
)

func (e keyEvent) EventKey() string { return "event-" + e.ID }

func (e *fullEvent) EventKey() string           { return "full-" + e.ID }
func (e *fullEvent) EventToken() cqrs.TaskToken { return "its token" }
func (e *fullEvent) EventTenant() string        { return "acme" }
func (e *fullEvent) EventCorrelation() string   { return "its correlation" }
func (emptyTokens) EventToken() cqrs.TaskToken  { return "" }
func (emptyTokens) EventCorrelation() string    { return "" }
func keyOfPlain(e plainEvent) string            { return "by-" + e.ID }
func deliveryOf(d **cqrs.Delivery) cqrs.Middleware {
	return func(next cqrs.Next) cqrs.Next {
		return func(ctx context.Context, delivery *cqrs.Delivery) (any, error) {
			*d = delivery
			return next(ctx, delivery)
		}
	}
}

func TestDeliveryAsksTheEvent(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name                             string
		event                            cqrs.Event
		register                         func(*cqrs.Registry)
		key, tenant, correlation, token_ string
	}{
		{
			"the record's identity",
			plainEvent{"1"},
			func(r *cqrs.Registry) { cqrs.RegisterFunc(r, nothing[plainEvent]) },
			queueARN + "|" + digestOf("aws:sqs|"+queueARN+"|m") + "#0", "", "m", "",
		},
		{
			"EventKey",
			keyEvent{"1"},
			func(r *cqrs.Registry) { cqrs.RegisterFunc(r, nothing[keyEvent]) },
			"event-1", "", "m", "",
		},
		{
			"KeyBy",
			plainEvent{"1"},
			func(r *cqrs.Registry) { cqrs.RegisterFunc(r, nothing[plainEvent], cqrs.KeyBy(keyOfPlain)) },
			"by-1", "", "m", "",
		},
		{
			"KeyBy of a value for a pointer", &plainEvent{"1"},
			func(r *cqrs.Registry) { cqrs.RegisterFunc(r, nothing[*plainEvent], cqrs.KeyBy(keyOfPlain)) },
			"by-1", "", "m", "",
		},
		{
			"KeyBy goes before EventKey",
			keyEvent{"1"},
			func(r *cqrs.Registry) {
				cqrs.RegisterFunc(r, nothing[keyEvent], cqrs.KeyBy(func(e keyEvent) string { return "first-" + e.ID }))
			},
			"first-1", "", "m", "",
		},
		{
			"all of them", &fullEvent{"1"}, func(r *cqrs.Registry) { cqrs.RegisterFunc(r, nothing[*fullEvent]) },
			"full-1", "acme", "its correlation", "its token",
		},
		{
			"all of them, on the pointer of a value",
			fullEvent{"1"},
			func(r *cqrs.Registry) { cqrs.RegisterFunc(r, nothing[*fullEvent]) },
			"full-1", "acme", "its correlation", "its token",
		},
		{
			"empty answers",
			emptyTokens{},
			func(r *cqrs.Registry) { cqrs.RegisterFunc(r, nothing[emptyTokens]) },
			queueARN + "|" + digestOf("aws:sqs|"+queueARN+"|m") + "#0", "", "m", "",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var d *cqrs.Delivery
			registry := cqrs.NewRegistry(deliveryOf(&d))
			test.register(registry)
			_, err := newDispatcher(t, cqrs.Config{Factory: fixedEvent{event: test.event}, Registry: registry}).
				Invoke(t.Context(), sqsBatch(t, queueARN, message{id: "m", body: "{}"}))
			require.NoError(t, err)
			require.Equal(t, test.key, d.Key())
			require.Equal(t, test.tenant, d.Tenant())
			require.Equal(t, test.correlation, d.CorrelationID())
			require.Equal(t, test.token_, string(d.TaskToken()))
		})
	}
	empty := &cqrs.Delivery{}
	require.Empty(t, empty.Key()+empty.Tenant()+empty.CorrelationID()+string(empty.TaskToken()))
}

// TestMessageIdentity: the same record has the same key on every delivery, and
// no other record has it.
func TestMessageIdentity(t *testing.T) {
	t.Parallel()
	names := []string{
		"sqs_standard", "sqs_fifo", "sns", "s3_put", "s3_delete", "s3_encoded_key", "dynamodb_insert", "dynamodb_modify",
		"dynamodb_remove", "kinesis", "eventbridge", "eventbridge_scheduler", "stepfunctions_seed", "stepfunctions_reference",
	}
	seen := map[string]string{}
	for _, name := range names {
		first := messagesOf(t, t.Context(), sample(t, name), cqrs.Config{})
		again := messagesOf(t, t.Context(), sample(t, name), cqrs.Config{})
		for i, m := range first {
			key := (&cqrs.Delivery{Message: m}).Key()
			require.NotEmpty(t, key, name)
			require.Equal(t, key, (&cqrs.Delivery{Message: again[i]}).Key())
			require.NotEqual(t, key, (&cqrs.Delivery{Message: m, Index: 1}).Key())
			require.Empty(t, seen[key], "%s has the key of %s", name, seen[key])
			seen[key] = name
		}
	}
}
