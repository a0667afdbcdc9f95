package cqrstest_test

import (
	"flag"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/cqrstest"
)

func TestMain(m *testing.M) {
	cqrstest.Functions(functions())
	// What the explorer finds here is planted, and not to be kept.
	for name, value := range map[string]string{"rapid.nofailfile": "true", "rapid.checks": "50"} {
		if err := flag.Set(name, value); err != nil {
			panic(err)
		}
	}
	goleak.VerifyTestMain(m)
}

// quiet is a logger for tests that are not about logging.
func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func newDispatcher(t cqrstest.TB, cfg cqrs.Config) *cqrs.Dispatcher {
	t.Helper()
	if cfg.Logger == nil {
		cfg.Logger = quiet()
	}
	d, err := cqrs.New(cfg)
	require.NoError(t, err)
	return d
}
