package stepfunctions

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/lambda-cqrs/cqrs/local/internal/clock"
	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// activity is guarded by Server.mu.
type activity struct {
	name, arn string
	created   time.Time
	waiting   []activityTask
	changed   chan struct{} // closed when a task has come
}

type activityTask struct {
	pending *pending
	input   string
}

type activityInput struct {
	Name       string
	ARN        string `json:"activityArn"`
	WorkerName string
	Tags       []struct{ Key, Value string }
}

type activityOutput struct {
	ARN     string  `json:"activityArn"`
	Created float64 `json:"creationDate"`
	Name    string  `json:"name,omitempty"`
}

func (s *Server) createActivity(_ context.Context, in *activityInput) (*activityOutput, error) {
	if !resourceName.MatchString(in.Name) {
		return nil, wire.Invalid("InvalidName", "Invalid Name: '%s'", in.Name)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	arn := s.options.ARN("states", "activity:"+in.Name)
	a, ok := s.activities[arn]
	if !ok {
		a = &activity{name: in.Name, arn: arn, created: s.options.Clock.Now(), changed: make(chan struct{})}
		s.activities[arn] = a
	}
	return &activityOutput{ARN: arn, Created: epoch(a.created)}, nil
}

// activity is called while mu is held.
func (s *Server) activity(arn string) (*activity, error) {
	if a, ok := s.activities[arn]; ok {
		return a, nil
	}
	return nil, wire.Invalid("ActivityDoesNotExist", "Activity Does Not Exist: '%s'", arn)
}

func (s *Server) deleteActivity(_ context.Context, in *activityInput) (*wire.None, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.activities, in.ARN)
	return &wire.None{}, nil
}

func (s *Server) describeActivity(_ context.Context, in *activityInput) (*activityOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.activity(in.ARN)
	if err != nil {
		return nil, err
	}
	return &activityOutput{a.arn, epoch(a.created), a.name}, nil
}

type listActivitiesOutput struct {
	Activities []activityOutput `json:"activities"`
}

func (s *Server) listActivities(context.Context, *wire.None) (*listActivitiesOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := &listActivitiesOutput{Activities: []activityOutput{}}
	for _, arn := range slices.Sorted(maps.Keys(s.activities)) {
		a := s.activities[arn]
		out.Activities = append(out.Activities, activityOutput{a.arn, epoch(a.created), a.name})
	}
	return out, nil
}

// schedule has a worker get the task.
func (s *Server) schedule(arn string, p *pending, input string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	a, err := s.activity(arn)
	if err != nil {
		return failed("States.Runtime", "%v", err)
	}
	a.waiting = append(a.waiting, activityTask{p, input})
	close(a.changed)
	a.changed = make(chan struct{})
	return nil
}

type activityTaskOutput struct {
	TaskToken string `json:"taskToken,omitempty"`
	Input     string `json:"input,omitempty"`
}

// getActivityTask waits for up to 60 s, as long as AWS does.
func (s *Server) getActivityTask(ctx context.Context, in *activityInput) (*activityTaskOutput, error) {
	over, stop := clock.Timer(s.options.Clock, s.options.Clock.Now().Add(time.Minute))
	defer stop()
	for {
		s.mu.Lock()
		a, err := s.activity(in.ARN)
		if err != nil {
			s.mu.Unlock()
			return nil, err
		}
		for len(a.waiting) > 0 {
			next := a.waiting[0]
			a.waiting = a.waiting[1:]
			if !next.pending.closed { // else its time is up
				s.mu.Unlock()
				return &activityTaskOutput{next.pending.token, next.input}, nil
			}
		}
		changed := a.changed
		s.mu.Unlock()
		select {
		case <-changed:
		case <-over:
			return &activityTaskOutput{}, nil
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}
