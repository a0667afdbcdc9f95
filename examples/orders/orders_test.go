package main

import (
	"bytes"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lambda-cqrs/cqrs/examples/orders/app"
	"github.com/lambda-cqrs/cqrs/examples/orders/day"
	"github.com/lambda-cqrs/cqrs/local"
)

// TestMain is the function where the day starts this program as one.
func TestMain(m *testing.M) {
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") != "" {
		app.Start()
	}
	goleak.VerifyTestMain(m)
}

// TestDay plays the day as it should be, and as it should not: with streams out of
// order, deliveries that come twice, answers that are lost and a function that is
// killed at the worst moments. All days end in the same state.
func TestDay(t *testing.T) {
	t.Parallel()
	quiet := playDay(t, day.Options{})
	var injected map[string]*local.Injection
	random := rand.New(rand.NewPCG(1, 1))
	faulty := playDay(t, day.Options{
		Local: []local.Option{local.ShuffleStreams(random.IntN)},
		Faults: func(a *local.AWS, function string) func() int {
			faults := faultsOf(function)
			injected = make(map[string]*local.Injection, len(faults))
			var deadly []*local.Injection
			for _, what := range slices.Sorted(maps.Keys(faults)) {
				fault := faults[what]
				fault.Skip += random.IntN(10)
				injected[what] = a.Inject(fault)
				if fault.Kill != "" {
					deadly = append(deadly, injected[what])
				}
			}
			return func() (kills int) {
				for _, injection := range deadly {
					kills += injection.Struck()
				}
				return kills
			}
		},
	})
	for what, injection := range injected {
		require.Positive(t, injection.Struck(), what)
	}
	require.Equal(t, quiet, faulty)
}

// faultsOf are what goes wrong during a bad day.
func faultsOf(function string) map[string]local.Fault {
	at := func(service, operation string, effect local.Effect, skip, times int) local.Fault {
		return local.Fault{Service: service, Operation: operation, Effect: effect, Skip: skip, Times: times}
	}
	deadly := func(f local.Fault) local.Fault {
		f.Kill = function
		return f
	}
	return map[string]local.Fault{
		"deliveries come twice":             {Target: function, Effect: local.Duplicate, Skip: 3, Times: 20},
		"commands are acknowledged in vain": at("dynamodb", "PutItem", local.LoseAnswer, 60, 2),
		"commands do not arrive":            at("dynamodb", "PutItem", local.LoseRequest, 900, 2),
		"progress is acknowledged in vain":  at("dynamodb", "UpdateItem", local.LoseAnswer, 40, 2),
		"the table is throttled":            at("dynamodb", "UpdateItem", local.Throttle, 700, 2),
		"reservations are lost sight of":    at("dynamodb", "TransactWriteItems", local.LoseAnswer, 5, 2),
		"notifications are sent twice":      at("sqs", "SendMessage", local.LoseAnswer, 10, 2),
		"a workflow is started twice":       at("states", "StartExecution", local.LoseAnswer, 5, 2),
		"a task is told twice":              at("states", "SendTaskSuccess", local.LoseAnswer, 5, 2),
		"killed when an order is reserved":  deadly(at("dynamodb", "TransactWriteItems", local.LoseAnswer, 20, 1)),
		"killed before a workflow starts":   deadly(at("states", "StartExecution", local.LoseRequest, 20, 1)),
		"killed when a task is told":        deadly(at("states", "SendTaskSuccess", local.LoseAnswer, 20, 1)),
		"killed before a task is told":      deadly(at("states", "SendTaskSuccess", local.LoseRequest, 30, 1)),
		"killed when a mail is queued":      deadly(at("sqs", "SendMessage", local.LoseAnswer, 40, 1)),
		"killed at a read model":            deadly(at("dynamodb", "PutItem", local.LoseAnswer, 2500, 1)),
		"killed at the progress of another": deadly(at("dynamodb", "UpdateItem", local.LoseRequest, 1000, 1)),
		"killed when a file is written":     deadly(at("s3", "PutObject", local.LoseAnswer, 380, 1)),
	}
}

func playDay(t *testing.T, options day.Options) *day.State {
	t.Helper()
	options.Template, options.Fast = template, true
	var shown bytes.Buffer
	state, err := day.Play(t.Context(), &shown, options)
	require.NoError(t, err, "%s", &shown)
	return state
}
