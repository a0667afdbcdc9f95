package conformance_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/stretchr/testify/require"
)

// putRule makes a rule with one target.
func putRule(t *testing.T, bus *string, pattern string, target types.Target) {
	t.Helper()
	client := eventbridge.NewFromConfig(config(t))
	rule := aws.String(name(t))
	_, err := client.PutRule(t.Context(), &eventbridge.PutRuleInput{Name: rule, EventPattern: &pattern, EventBusName: bus})
	require.NoError(t, err)
	target.Id = aws.String("target")
	out, err := client.PutTargets(t.Context(), &eventbridge.PutTargetsInput{Rule: rule, EventBusName: bus, Targets: []types.Target{target}})
	require.NoError(t, err)
	require.Zero(t, out.FailedEntryCount)
}

func putEvents(t *testing.T, entries ...types.PutEventsRequestEntry) *eventbridge.PutEventsOutput {
	t.Helper()
	out, err := eventbridge.NewFromConfig(config(t)).PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: entries})
	require.NoError(t, err)
	return out
}

func shipped(source, detail string) types.PutEventsRequestEntry {
	return types.PutEventsRequestEntry{Source: &source, DetailType: aws.String("Order Shipped"), Detail: &detail}
}

func TestEventsPutEventsFailsPerEntry(t *testing.T) {
	t.Parallel()
	out := putEvents(t, shipped("shop", `{}`), shipped("shop", `{`), shipped("", `{}`))
	require.EqualValues(t, 2, out.FailedEntryCount)
	require.NotEmpty(t, *out.Entries[0].EventId)
	require.Nil(t, out.Entries[0].ErrorCode)
	require.Equal(t, "MalformedDetail", *out.Entries[1].ErrorCode)
	require.Equal(t, "InvalidArgument", *out.Entries[2].ErrorCode)
	_, err := eventbridge.NewFromConfig(config(t)).PutEvents(t.Context(), &eventbridge.PutEventsInput{Entries: []types.PutEventsRequestEntry{}})
	requireRefusal(t, "ValidationException", err)
}

func TestEventsRuleSendsTheEnvelopeToAQueue(t *testing.T) {
	t.Parallel()
	q := newQueue(t, name(t), nil)
	putRule(t, nil, `{"source":["`+name(t)+`"]}`, types.Target{Arn: &q.arn})
	entry := shipped(name(t), `{"order":1}`)
	entry.Resources = []string{"arn:aws:s3:::bucket"}
	entry.Time = aws.Time(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC))
	out := putEvents(t, entry, shipped("other", `{}`))
	var event map[string]any
	require.NoError(t, json.Unmarshal([]byte(*q.receiveOne(5).Body), &event))
	require.Equal(t, map[string]any{
		"version": "0", "id": *out.Entries[0].EventId, "detail-type": "Order Shipped", "source": name(t), "account": event["account"],
		"time": "2026-01-02T03:04:05Z", "region": config(t).Region, "resources": []any{"arn:aws:s3:::bucket"}, "detail": map[string]any{"order": 1.0},
	}, event)
	require.Empty(t, q.receive(1, 0))
}

func TestEventsPatterns(t *testing.T) {
	t.Parallel()
	client := eventbridge.NewFromConfig(config(t))
	const event = `{"id":"1","account":"1","source":"shop","time":"2026-01-02T03:04:05Z","region":"us-east-1","resources":[],
		"detail-type":"Order Shipped","detail":{"state":"Paid","price":12.5,"tags":["a","b"],"file":"a/b.csv"}}`
	for pattern, want := range map[string]bool{
		`{"detail":{"state":[{"prefix":"Pa"}]}}`:                                                 true,
		`{"detail":{"state":[{"prefix":"pa"}]}}`:                                                 false,
		`{"detail":{"file":[{"suffix":".csv"}]}}`:                                                true,
		`{"detail":{"price":[{"numeric":[">",10,"<",13]}]}}`:                                     true,
		`{"detail":{"price":[{"numeric":["<",12.5]}]}}`:                                          false,
		`{"detail":{"state":[{"anything-but":["Paid"]}]}}`:                                       false,
		`{"detail":{"state":[{"anything-but":{"prefix":"X"}}]}}`:                                 true,
		`{"detail":{"refund":[{"exists":false}],"state":[{"exists":true}]}}`:                     true,
		`{"detail":{"state":[{"equals-ignore-case":"PAID"}]}}`:                                   true,
		`{"detail":{"file":[{"wildcard":"a/*.csv"}]}}`:                                           true,
		`{"detail":{"tags":["b"]}}`:                                                              true,
		`{"detail":{"$or":[{"state":["New"]},{"price":[{"numeric":["=",12.5]}]}]}}`:              true,
		`{"detail":{"$or":[{"state":["New"]},{"price":[{"numeric":["=",12]}]}]},"source":["x"]}`: false,
	} {
		out, err := client.TestEventPattern(t.Context(), &eventbridge.TestEventPatternInput{EventPattern: aws.String(pattern), Event: aws.String(event)})
		require.NoError(t, err, pattern)
		require.Equal(t, want, out.Result, pattern)
	}
	_, err := client.PutRule(t.Context(), &eventbridge.PutRuleInput{Name: aws.String(name(t)), EventPattern: aws.String(`{"source":"shop"}`)})
	var invalid *types.InvalidEventPatternException
	require.ErrorAs(t, err, &invalid)
}

func TestEventsCustomBusAndInputs(t *testing.T) {
	t.Parallel()
	client := eventbridge.NewFromConfig(config(t))
	bus := aws.String(name(t))
	_, err := client.CreateEventBus(t.Context(), &eventbridge.CreateEventBusInput{Name: bus})
	require.NoError(t, err)
	_, err = client.CreateEventBus(t.Context(), &eventbridge.CreateEventBusInput{Name: bus})
	var exists *types.ResourceAlreadyExistsException
	require.ErrorAs(t, err, &exists)
	for label, test := range map[string]struct {
		target types.Target
		want   string
	}{
		"path":     {types.Target{InputPath: aws.String("$.detail.order")}, `{"id":7}`},
		"constant": {types.Target{Input: aws.String(`{"fixed":true}`)}, `{"fixed":true}`},
		"transformer": {types.Target{InputTransformer: &types.InputTransformer{
			InputPathsMap: map[string]string{"kind": "$.detail-type", "order": "$.detail.order", "id": "$.detail.order.id"},
			InputTemplate: aws.String(`{"kind":<kind>,"order":<order>,"text":"order <id> was \"<kind>\"","rule":<aws.events.rule-name>}`),
		}}, `{"kind":"Order Shipped","order":{"id":7},"text":"order 7 was \"Order Shipped\"","rule":"EventsCustomBusAndInputs-transformer"}`},
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			q := newQueue(t, name(t), nil)
			test.target.Arn = &q.arn
			putRule(t, bus, `{"source":["`+name(t)+`"]}`, test.target)
			entry := shipped(name(t), `{"order":{"id":7}}`)
			entry.EventBusName = bus
			putEvents(t, shipped(name(t), `{"order":{"id":8}}`), entry)
			require.JSONEq(t, test.want, *q.receiveOne(5).Body)
			require.Empty(t, q.receive(1, 0), "the default bus has no such rule")
		})
	}
}

func TestEventsBusWithRulesIsNotDeleted(t *testing.T) {
	t.Parallel()
	client := eventbridge.NewFromConfig(config(t))
	bus := aws.String(name(t))
	_, err := client.CreateEventBus(t.Context(), &eventbridge.CreateEventBusInput{Name: bus})
	require.NoError(t, err)
	_, err = client.PutRule(t.Context(), &eventbridge.PutRuleInput{Name: bus, EventBusName: bus, EventPattern: aws.String(`{"source":["x"]}`)})
	require.NoError(t, err)
	_, err = client.DeleteEventBus(t.Context(), &eventbridge.DeleteEventBusInput{Name: bus})
	requireRefusal(t, "ValidationException", err)
	_, err = client.DeleteRule(t.Context(), &eventbridge.DeleteRuleInput{Name: bus, EventBusName: bus})
	require.NoError(t, err)
	_, err = client.DeleteEventBus(t.Context(), &eventbridge.DeleteEventBusInput{Name: bus})
	require.NoError(t, err)
}

func target(q queue) types.Target { return types.Target{Arn: &q.arn} }
