package notifications_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/examples/orders/notifications"
	"github.com/lambda-cqrs/cqrs/examples/orders/shoptest"
	"github.com/lambda-cqrs/cqrs/local"
)

func TestQueue(t *testing.T) {
	t.Parallel()
	a := shoptest.Start(t)
	n := notifications.Notification{
		ID: "welcome/ann", Channel: notifications.Email, Recipient: "ann@example.com", TemplateID: "welcome",
		TemplateData: notifications.Values(map[string]any{"name": "Ann & <Bob>", "cents": int64(1)<<53 + 1}),
	}
	require.Equal(t, "welcome/ann", n.EventKey())
	require.NoError(t, a.Queue.Send(t.Context(), n))
	bodies := a.Messages(t)
	require.Len(t, bodies, 1)
	require.JSONEq(t, `{"type":"NOTIFICATION","id":"welcome/ann","channel":"EMAIL","recipient":"ann@example.com",
		"templateId":"welcome","templateData":{"name":"Ann & <Bob>","cents":9007199254740993}}`, bodies[0])
	require.Contains(t, bodies[0], "9007199254740993", "to the last digit")
}

// TestQueueUnderFaults: a notification may come twice, as itself, but is never lost
// without a word.
func TestQueueUnderFaults(t *testing.T) {
	t.Parallel()
	a := shoptest.Start(t)
	n := notifications.Notification{ID: "1", Channel: notifications.SMS, Recipient: "+4930123456", Body: "Hello"}
	lost := a.Inject(local.Fault{Service: "sqs", Operation: "SendMessage", Effect: local.LoseAnswer})
	require.NoError(t, a.Queue.Send(t.Context(), n))
	require.Equal(t, 1, lost.Struck())
	bodies := a.Messages(t)
	require.Len(t, bodies, 2)
	require.Equal(t, bodies[0], bodies[1])

	down := a.Inject(local.Fault{Service: "sqs", Operation: "SendMessage", Effect: local.InternalError, Times: 100})
	require.ErrorContains(t, a.Queue.Send(t.Context(), n), "notification 1 cannot be put into its queue")
	down.Remove()
	require.Empty(t, a.Messages(t))
}

func TestValues(t *testing.T) {
	t.Parallel()
	values := notifications.Values(map[string]any{"text": "a", "number": 7, "no JSON": math.Inf(1)})
	require.Equal(t, `"a"`, string(values["text"]))
	require.Equal(t, `7`, string(values["number"]))
	require.Equal(t, `null`, string(values["no JSON"]))
}
