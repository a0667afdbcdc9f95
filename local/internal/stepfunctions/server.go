// Package stepfunctions is AWS Step Functions in memory: state machines in the
// JSONPath dialect of the Amazon States Language, task tokens and activities.
package stepfunctions

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/lambda-cqrs/cqrs/local/internal/clock"
	"github.com/lambda-cqrs/cqrs/local/internal/lambda"
	"github.com/lambda-cqrs/cqrs/local/internal/task"
	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// maxData is the size of a state's data, in bytes of JSON.
const maxData = 262_144

// Options are what a server needs.
type Options struct {
	wire.Owner
	Clock     clock.Clock
	Tasks     *task.Group
	Functions *lambda.Service
	// Call calls an operation of another service on the JSON form of its
	// parameters.
	Call func(ctx context.Context, service, operation string, input []byte) (json.RawMessage, error)
}

// Server serves the Step Functions API. It is safe for parallel use.
type Server struct {
	options Options
	http    *wire.JSON

	mu         sync.Mutex
	machines   map[string]*stateMachine
	executions map[string]*execution
	order      []*execution // as they were started
	activities map[string]*activity
	tokens     map[string]*pending
}

// New returns a server without state machines.
func New(options Options) *Server {
	s := &Server{
		options:    options,
		machines:   make(map[string]*stateMachine),
		executions: make(map[string]*execution),
		activities: make(map[string]*activity),
		tokens:     make(map[string]*pending),
	}
	s.http = &wire.JSON{Service: "states", Operations: wire.Operations{
		"CreateStateMachine":   wire.Typed(s.createStateMachine),
		"UpdateStateMachine":   wire.Typed(s.updateStateMachine),
		"DeleteStateMachine":   wire.Typed(s.deleteStateMachine),
		"DescribeStateMachine": wire.Typed(s.describeStateMachine),
		"ListStateMachines":    wire.Typed(s.listStateMachines),
		"StartExecution":       wire.Typed(s.startExecution),
		"StopExecution":        wire.Typed(s.stopExecution),
		"DescribeExecution":    wire.Typed(s.describeExecution),
		"ListExecutions":       wire.Typed(s.listExecutions),
		"GetExecutionHistory":  wire.Typed(s.getExecutionHistory),
		"SendTaskSuccess":      wire.Typed(s.sendTaskSuccess),
		"SendTaskFailure":      wire.Typed(s.sendTaskFailure),
		"SendTaskHeartbeat":    wire.Typed(s.sendTaskHeartbeat),
		"CreateActivity":       wire.Typed(s.createActivity),
		"DeleteActivity":       wire.Typed(s.deleteActivity),
		"DescribeActivity":     wire.Typed(s.describeActivity),
		"ListActivities":       wire.Typed(s.listActivities),
		"GetActivityTask":      wire.Typed(s.getActivityTask),
	}}
	return s
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.http.ServeHTTP(w, r) }

// epoch is a time in JSON: Unix seconds.
func epoch(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }
