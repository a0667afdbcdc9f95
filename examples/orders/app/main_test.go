package app_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/examples/orders/app"
	"github.com/lambda-cqrs/cqrs/examples/orders/changes/externaltest"
	"github.com/lambda-cqrs/cqrs/examples/orders/notifications"
	"github.com/lambda-cqrs/cqrs/examples/orders/stack"
	"github.com/lambda-cqrs/cqrs/local"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is the shop on the stack of its template. What reaches the function by itself
// is dropped: the tests hand it its events.
type world struct {
	*app.Shop

	t        *testing.T
	stack    *stack.Stack
	config   aws.Config
	function *cqrs.Dispatcher
	systems  *externaltest.Server
	outbox   *notifications.Outbox
}

// idle is a function that does nothing.
type idle struct{}

func (idle) Invoke(context.Context, []byte) ([]byte, error) { return []byte(`{}`), nil }

func newWorld(t *testing.T) *world {
	t.Helper()
	a, err := local.Start(t.Context())
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.Close()) })
	w := &world{t: t, systems: externaltest.NewServer(), config: a.Config()}
	external := httptest.NewServer(w.systems)
	t.Cleanup(external.Close)
	template, err := os.ReadFile("../template.yaml")
	require.NoError(t, err)
	directory := t.TempDir()
	w.stack, err = stack.Up(t.Context(), a, template, map[string]string{
		"DatabaseUrl": filepath.Join(directory, "shop.db"), "ExternalUrl": external.URL, "MailFrom": "shop@example.com",
		"Outbox": filepath.Join(directory, "outbox"), "Stage": "test",
	}, stack.Code{Handler: func(func(string) string) (lambda.Handler, error) { return idle{}, nil }})
	require.NoError(t, err)
	settings, err := app.SettingsFrom(w.stack.Variable)
	require.NoError(t, err)
	w.Shop, err = app.Open(t.Context(), settings, w.config)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, w.Close()) })
	function, err := app.Function(w.Shop, slog.New(slog.DiscardHandler))
	require.NoError(t, err)
	w.function, err = cqrs.New(function)
	require.NoError(t, err)
	w.outbox, err = notifications.NewOutbox(settings.Outbox)
	require.NoError(t, err)
	return w
}
