package stack_test

import (
	"context"
	"encoding/json"
	"os"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lambda-cqrs/cqrs/examples/orders/stack"
	"github.com/lambda-cqrs/cqrs/local"
)

// TestMain is the function where a test starts this program as one: it answers with
// its environment.
func TestMain(m *testing.M) {
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") != "" {
		lambda.Start(func() (map[string]string, error) {
			return map[string]string{"greeting": os.Getenv("GREETING"), "queue": os.Getenv("QUEUE")}, nil
		})
	}
	goleak.VerifyTestMain(m)
}

func start(t *testing.T, opts ...local.Option) *local.AWS {
	t.Helper()
	a, err := local.Start(t.Context(), opts...)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.Close()) })
	return a
}

// handlerFunc is a handler. What it returns is ignored where nobody waits for it.
type handlerFunc func(ctx context.Context, payload []byte) ([]byte, error)

func (f handlerFunc) Invoke(ctx context.Context, payload []byte) ([]byte, error) {
	return f(ctx, payload)
}

// codeOf is a function that hands over what it gets.
func codeOf(payloads chan<- []byte) stack.Code {
	return stack.Code{Handler: func(func(string) string) (lambda.Handler, error) {
		return handlerFunc(func(ctx context.Context, payload []byte) ([]byte, error) {
			select {
			case payloads <- payload:
			case <-ctx.Done():
			}
			return []byte(`{}`), nil
		}), nil
	}}
}

// theTemplate is that of the application, and parameters are what it must be given.
func theTemplate(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile("../template.yaml")
	require.NoError(t, err)
	return text
}

func parameters() map[string]string {
	return map[string]string{"DatabaseUrl": "shop.db", "MailFrom": "shop@example.com"}
}

func decode(t *testing.T, text []byte) map[string]any {
	t.Helper()
	var v map[string]any
	require.NoError(t, json.Unmarshal(text, &v))
	return v
}
