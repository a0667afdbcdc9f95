package cqrs_test

import (
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
)

// A rule looks no further into a body than to the members that it asks for, but
// what stands behind them counts all the same: a body that is malformed has no
// type, wherever it is broken.
func TestMuxTakesNoMalformedBodyForItsType(t *testing.T) {
	t.Parallel()
	calls := 0
	rules := func(m *cqrs.Mux) *cqrs.Mux {
		cqrs.OnSQS[typed](m, cqrs.TypeField("type", "A"))
		cqrs.OnSQS[custom](m, cqrs.TypeField("kind", "c"), func(r *events.SQSMessage) (custom, error) {
			calls++
			return custom{Text: r.Body}, nil
		})
		return m
	}
	strict := rules(cqrs.NewMux())
	lenient := rules(cqrs.NewMux())
	cqrs.OnSQS[events.SQSMessage](lenient, cqrs.Any())
	for _, body := range []string{
		`{"type":"A","x":}`, `{"type":"A"} x`, `{"type":"A","type":"A"}`, `{"type":"A"`, `{"kind":"c","x":}`, `{"type":"Z","kind":"c","x":}`, `{"type":"Z","kind":"c","kind":"d"}`, `{"kind":"c","kind":"d"}`, `{"kind":"c"`,
	} {
		record := &events.SQSMessage{Body: body}
		_, err := strict.TransformSQS(t.Context(), record)
		require.ErrorIs(t, err, cqrs.ErrMalformed, body)
		made, err := lenient.TransformSQS(t.Context(), record)
		require.NoError(t, err, body)
		require.Equal(t, []cqrs.Event{*record}, made, "whoever takes anything takes it: %s", body)
	}
	require.Zero(t, calls)

	// A body that is well-formed and does not fit is its rule's failure.
	_, err := lenient.TransformSQS(t.Context(), &events.SQSMessage{Body: `{"type":"A","id":7}`})
	require.ErrorIs(t, err, cqrs.ErrMalformed)
	made, err := lenient.TransformSQS(t.Context(), &events.SQSMessage{Body: `{"kind":"c","x":[{}]}`})
	require.NoError(t, err)
	require.Equal(t, []cqrs.Event{custom{Text: `{"kind":"c","x":[{}]}`}}, made)
}
