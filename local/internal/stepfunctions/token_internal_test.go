package stepfunctions

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/local/internal/clock"
	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

func TestATokenIsReportedOnce(t *testing.T) {
	t.Parallel()
	s := New(Options{Clock: clock.Real{}})
	refused := func(code, token string) {
		_, err := s.sendTaskSuccess(t.Context(), &taskInput{TaskToken: token, Output: `1`})
		require.Error(t, err)
		require.Equal(t, code, wire.AsError(err).Code)
	}
	p := s.newToken(&execution{status: "RUNNING"})
	_, err := s.sendTaskSuccess(t.Context(), &taskInput{TaskToken: p.token, Output: `1`})
	require.NoError(t, err)
	refused("TaskTimedOut", p.token) // though nobody has taken the first report yet
	refused("TaskTimedOut", s.newToken(&execution{status: "ABORTED"}).token)
	refused("InvalidToken", "nonsense")
	delete(s.tokens, p.token)
	refused("TaskDoesNotExist", p.token)
}
