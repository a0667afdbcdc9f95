package stepfunctions

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"strings"
	"time"

	"github.com/lambda-cqrs/cqrs/local/internal/clock"
	"github.com/lambda-cqrs/cqrs/local/internal/pattern"
	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// pending is a task that waits for its token to be reported. closed is guarded by
// Server.mu.
type pending struct {
	execution *execution
	token     string
	done      chan outcome
	beat      chan struct{}
	closed    bool
}

type outcome struct {
	result  any
	failure *failure
}

const tokenPrefix = "local-task-"

func (s *Server) newToken(e *execution) *pending {
	secret := make([]byte, 64)
	_, _ = rand.Read(secret) // never fails
	p := &pending{
		execution: e,
		token:     base64.StdEncoding.EncodeToString(append([]byte(tokenPrefix), secret...)),
		done:      make(chan outcome, 1),
		beat:      make(chan struct{}, 1),
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.tokens[p.token] = p
	return p
}

func (s *Server) close(p *pending) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.closed = true
}

// pending finds an open token. It is called while mu is held. A token that was
// reported, or whose task has ended, is remembered.
func (s *Server) pending(token string) (*pending, error) {
	text, err := base64.StdEncoding.DecodeString(token)
	if err != nil || len(token) > 2048 || !strings.HasPrefix(string(text), tokenPrefix) {
		return nil, wire.Invalid("InvalidToken", "Invalid Token")
	}
	p, ok := s.tokens[token]
	switch {
	case !ok:
		return nil, wire.Invalid("TaskDoesNotExist", "Task does not exist")
	case p.closed || p.execution.status != "RUNNING":
		return nil, wire.Invalid("TaskTimedOut", "Task Timed Out: the provided task does not exist anymore")
	default:
		return p, nil
	}
}

type taskInput struct {
	TaskToken string
	Output    string
	Error     string
	Cause     string
}

func (s *Server) sendTaskSuccess(_ context.Context, in *taskInput) (*wire.None, error) {
	result, err := pattern.Decode([]byte(in.Output))
	if err != nil || len(in.Output) > maxData {
		return nil, wire.Invalid("InvalidOutput", "Invalid Output: no JSON, or longer than %d bytes", maxData)
	}
	return s.report(in.TaskToken, outcome{result: result})
}

func (s *Server) sendTaskFailure(_ context.Context, in *taskInput) (*wire.None, error) {
	if len([]rune(in.Error)) > 256 || len([]rune(in.Cause)) > 32_768 {
		return nil, wire.Invalid("ValidationException", "the error has up to 256 characters, its cause up to 32768")
	}
	return s.report(in.TaskToken, outcome{failure: &failure{in.Error, in.Cause}})
}

func (s *Server) report(token string, o outcome) (*wire.None, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.pending(token)
	if err != nil {
		return nil, err
	}
	p.closed = true
	p.done <- o
	return &wire.None{}, nil
}

func (s *Server) sendTaskHeartbeat(_ context.Context, in *taskInput) (*wire.None, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, err := s.pending(in.TaskToken)
	if err != nil {
		return nil, err
	}
	select {
	case p.beat <- struct{}{}:
	default: // one that has not been seen yet serves as well
	}
	return &wire.None{}, nil
}

// await waits for the report, until ctx ends with the task's timeout. heartbeat is
// the time that may pass between two beats, 0 for any.
func (s *Server) await(ctx context.Context, p *pending, heartbeat time.Duration) (any, error) {
	defer s.close(p)
	for {
		var silent <-chan struct{}
		stop := func() {}
		if heartbeat > 0 {
			silent, stop = clock.Timer(s.options.Clock, s.options.Clock.Now().Add(heartbeat))
		}
		select {
		case <-p.beat:
			stop()
		case o := <-p.done:
			stop()
			if o.failure != nil {
				return nil, o.failure
			}
			return o.result, nil
		case <-silent:
			return nil, &failure{name: "States.HeartbeatTimeout"}
		case <-ctx.Done():
			stop()
			return nil, context.Cause(ctx)
		}
	}
}
