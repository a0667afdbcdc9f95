package cqrstest_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/cqrstest"
)

// goldenDispatcher decodes the order's total from the field of that name.
func goldenDispatcher(t *testing.T, field string) *cqrs.Dispatcher {
	t.Helper()
	type charge struct{ Order, Total string }
	mux := cqrs.NewMux()
	cqrs.OnSQS[charge](mux, cqrs.Queue("orders"), func(r *events.SQSMessage) (charge, error) {
		fields, err := cqrs.DecodeJSON[map[string]string](r.Body)
		return charge{Order: fields["order"], Total: fields[field]}, err
	})
	cqrs.OnStepFunction[charge](mux, "CHARGE")
	recorder := cqrstest.NewRecorder()
	registry := cqrs.NewRegistry(recorder.Middleware())
	cqrs.Register(registry, cqrs.HandlerFunc[charge](func(_ context.Context, c charge) (any, error) {
		switch c.Total {
		case "":
			return nil, cqrs.Named("NoTotal", errBroken)
		default:
			return c, nil
		}
	}))
	return newDispatcher(t, cqrs.Config{Factory: mux, Registry: registry})
}

func TestGolden(t *testing.T) {
	t.Parallel()
	cqrstest.Golden(t, goldenDispatcher(t, "total"), "testdata/golden")
}

// A change of the factory is seen, although the answer stays the same; so is a
// payload without an answer.
func TestGoldenSeesWhatChanges(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		field  string
		lose   string
		failed map[string]bool
	}{
		"nothing":      {"total", "", map[string]bool{"orders": false, "task": false}},
		"the factory":  {"price", "", map[string]bool{"orders": true, "task": false}},
		"not recorded": {"total", "task.answer.json", map[string]bool{"orders": false, "task": true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			require.NoError(t, os.CopyFS(dir, os.DirFS("testdata/golden")))
			if test.lose != "" {
				require.NoError(t, os.Remove(filepath.Join(dir, test.lose)))
			}
			for payload, failed := range test.failed {
				require.Equal(t, failed, cqrstest.GoldenFails(t, goldenDispatcher(t, test.field), dir, payload), payload)
			}
		})
	}
}

func TestGoldenRecords(t *testing.T) {
	dir := t.TempDir()
	payload, err := os.ReadFile("testdata/golden/orders.json")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "orders.json"), payload, 0o600))
	d := goldenDispatcher(t, "total")
	t.Setenv("CQRSTEST_UPDATE", "1")
	cqrstest.Golden(t, d, dir)
	t.Setenv("CQRSTEST_UPDATE", "")
	cqrstest.Golden(t, d, dir)
	want, err := os.ReadFile("testdata/golden/orders.answer.json")
	require.NoError(t, err)
	got, err := os.ReadFile(filepath.Join(dir, "orders.answer.json"))
	require.NoError(t, err)
	require.Equal(t, string(want), string(got))
}
