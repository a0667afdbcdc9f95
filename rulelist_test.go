package cqrs_test

import (
	"reflect"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
)

func TestRules(t *testing.T) {
	t.Parallel()
	mux := cqrs.NewMux()
	cqrs.OnStepFunction[task](mux, "ORDER_PROCESS")
	cqrs.OnSQS[task](mux, cqrs.And(cqrs.Queue("orders"), cqrs.TypeField("type", "X")))
	cqrs.OnDeadLetter(mux, cqrs.Queue("failed"))
	cqrs.OnSNS[task](mux, cqrs.Topic("prices"))
	cqrs.OnS3[events.S3EventRecord](mux, cqrs.And(
		cqrs.Bucket("files"), cqrs.KeyPrefix("a/"), cqrs.And(cqrs.KeyPrefix("a/b/"), cqrs.KeySuffix(".csv")), cqrs.EventName("s3:ObjectCreated:")))
	cqrs.OnDynamoDB[task](mux, cqrs.Table("orders"), cqrs.Inserted)
	cqrs.OnChange[task](mux, cqrs.PKPrefix("USER#"))
	cqrs.OnKinesis[task](mux, cqrs.Stream("clicks"))
	cqrs.OnEventBridge[task](mux, cqrs.DetailType("com.shop", "Order Shipped"))

	typ, all := reflect.TypeFor[task](), cqrs.Inserted|cqrs.Modified|cqrs.Removed
	want := []cqrs.Rule{
		{Source: cqrs.SourceSQS, Event: typ, Origin: "orders"},
		{Source: cqrs.SourceSQS, Event: reflect.TypeFor[cqrs.DeadLetter](), Origin: "failed"},
		{Source: cqrs.SourceSNS, Event: typ, Origin: "prices"},
		{
			Source: cqrs.SourceS3, Event: reflect.TypeFor[events.S3EventRecord](), Origin: "files",
			KeyPrefix: "a/b/", KeySuffix: ".csv", EventName: "ObjectCreated:",
		},
		{Source: cqrs.SourceDynamoDB, Event: typ, Origin: "orders", Ops: cqrs.Inserted},
		{Source: cqrs.SourceDynamoDB, Event: reflect.TypeFor[cqrs.Change[task]](), Ops: all, Change: true},
		{Source: cqrs.SourceKinesis, Event: typ, Origin: "clicks"},
		{Source: cqrs.SourceEventBridge, Event: typ, EventSource: "com.shop", DetailType: "Order Shipped"},
		{Source: cqrs.SourceStepFunctions, Event: typ, TaskType: "ORDER_PROCESS"},
	}
	layers := cqrs.From("orders", cqrs.SNS, cqrs.S3)
	wrapped := cqrs.Envelopes(cqrs.Envelopes(mux, layers), cqrs.From("prices", cqrs.S3))
	for _, factory := range []cqrs.EventFactory{mux, wrapped} {
		rules, known := cqrs.RulesOf(factory)
		require.True(t, known)
		for i := range rules {
			require.NotEmpty(t, rules[i].Text)
			rules[i].Text = ""
		}
		require.Equal(t, want, rules)
	}
	opened := cqrs.EnvelopesOf(wrapped)
	require.Equal(t, map[string][]cqrs.Envelope{"orders": {cqrs.SNS, cqrs.S3}, "prices": {cqrs.S3}}, opened)
	opened["orders"][0] = cqrs.EventBridge
	require.Equal(t, cqrs.SNS, cqrs.EnvelopesOf(wrapped)["orders"][0], "the caller has a copy")
	require.Empty(t, cqrs.EnvelopesOf(mux))

	rules, known := cqrs.RulesOf(nil)
	require.True(t, known)
	require.Empty(t, rules)
	require.False(t, cqrs.IgnoresUnrouted(wrapped))
	mux.IgnoreUnrouted()
	require.True(t, cqrs.IgnoresUnrouted(wrapped))
	require.False(t, cqrs.IgnoresUnrouted(struct{ *cqrs.Mux }{mux}), "it may override a method")
	_, known = cqrs.RulesOf(struct{ cqrs.DefaultEventFactory }{})
	require.False(t, known, "nobody knows what a factory of one's own takes")
	_, known = cqrs.RulesOf(struct{ *cqrs.Mux }{mux})
	require.False(t, known, "it may override a method")
}

func TestRoutesOfADataSync(t *testing.T) {
	t.Parallel()
	registry := cqrs.NewRegistry()
	cqrs.RegisterDataSync(registry, cqrs.NewDataSync(commandTable, cqrs.NewMemorySync(), cqrs.Target("rds", newReadModel())))
	require.Equal(t, commandTable, registry.Routes()[0].Table)
}
