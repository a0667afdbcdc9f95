package cqrstest_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/cqrstest"
)

// FuzzRaw: whatever was recorded is delivered to the byte, and can be answered
// and delivered again.
func FuzzRaw(f *testing.F) {
	for _, p := range []cqrstest.Payload{
		cqrstest.SQS("q", cqrstest.Body("x"), cqrstest.Body("y")), cqrstest.Kinesis("s", cqrstest.Body("x")),
		cqrstest.Stream("t", cqrstest.Insert(order{PK: "a"})), cqrstest.S3("b", cqrstest.Created("k")),
		cqrstest.EventBridge("s", "t", "{}"), cqrstest.StepFunction("T", "{}", cqrstest.Token("t")),
	} {
		f.Add(p.JSON(), []byte(`{"batchItemFailures":[{"itemIdentifier":"1"}]}`))
		f.Add(p.JSON(), []byte(`nonsense`))
	}
	f.Add([]byte(`{"Records":[{"eventSource":"aws:sqs","attributes":7},{"dynamodb":[]}]}`), []byte(`{"batchItemFailures":[{}]}`))
	f.Fuzz(func(t *testing.T, payload, answer []byte) {
		p := cqrstest.Raw(payload)
		require.Equal(t, string(payload), p.String())
		require.Len(t, p.IDs(), p.Len())
		a := cqrstest.Invoke(t, answering(answer), p)
		ids := p.IDs()
		for _, id := range a.Failed {
			require.Contains(t, ids, id)
		}
		next, more := p.Redelivery(a)
		require.LessOrEqual(t, next.Len(), p.Len())
		require.Equal(t, len(a.Failed) > 0, more)
		if more {
			require.NotZero(t, next.Len())
		}
		require.Equal(t, p.Len(), p.Again().Len())
	})
}
