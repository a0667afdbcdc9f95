// Package eventbridge is Amazon EventBridge in memory: buses, rules and schedules
// that deliver to queues, topics, functions and state machines.
package eventbridge

import (
	"net/http"
	"sync"

	"github.com/lambda-cqrs/cqrs/local/internal/clock"
	"github.com/lambda-cqrs/cqrs/local/internal/task"
	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// Options are what a server needs.
type Options struct {
	wire.Owner
	Clock   clock.Clock
	Tasks   *task.Group
	Deliver wire.Deliver
}

// Server serves the EventBridge API. It is safe for parallel use.
type Server struct {
	options Options
	http    *wire.JSON

	mu    sync.Mutex
	buses map[string]*bus
}

// New returns a server with the default bus.
func New(options Options) *Server {
	s := &Server{options: options, buses: make(map[string]*bus)}
	s.buses["default"] = s.newBus("default")
	s.http = &wire.JSON{Service: "events", Operations: wire.Operations{
		"CreateEventBus":    wire.Typed(s.createEventBus),
		"DeleteEventBus":    wire.Typed(s.deleteEventBus),
		"DescribeEventBus":  wire.Typed(s.describeEventBus),
		"ListEventBuses":    wire.Typed(s.listEventBuses),
		"PutRule":           wire.Typed(s.putRule),
		"DeleteRule":        wire.Typed(s.deleteRule),
		"DescribeRule":      wire.Typed(s.describeRule),
		"ListRules":         wire.Typed(s.listRules),
		"EnableRule":        wire.Typed(s.enableRule),
		"DisableRule":       wire.Typed(s.disableRule),
		"PutTargets":        wire.Typed(s.putTargets),
		"RemoveTargets":     wire.Typed(s.removeTargets),
		"ListTargetsByRule": wire.Typed(s.listTargets),

		"ListRuleNamesByTarget": wire.Typed(s.listRuleNames),
		"PutEvents":             wire.Typed(s.putEvents),
		"TestEventPattern":      wire.Typed(s.testEventPattern),
	}}
	return s
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.http.ServeHTTP(w, r) }

// Operations are those of the API.
func (s *Server) Operations() wire.Operations { return s.http.Operations }

func invalid(format string, arguments ...any) error {
	return wire.Invalid("ValidationException", format, arguments...)
}

func notFound(format string, arguments ...any) error {
	return wire.Invalid("ResourceNotFoundException", format, arguments...)
}
