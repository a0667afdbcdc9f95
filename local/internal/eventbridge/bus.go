package eventbridge

import (
	"context"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/lambda-cqrs/cqrs/local/internal/fault"
	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

var name = regexp.MustCompile(`^[.\-_A-Za-z0-9]{1,256}$`)

// bus is guarded by Server.mu.
type bus struct {
	name, arn string
	rules     map[string]*rule
}

func (s *Server) newBus(name string) *bus {
	return &bus{name: name, arn: s.options.ARN("events", "event-bus/"+name), rules: make(map[string]*rule)}
}

// bus finds a bus by its name or ARN; "" is the default bus. It is called while
// mu is held.
func (s *Server) bus(address string) (*bus, error) {
	if address == "" {
		address = "default"
	}
	if b, ok := s.buses[fault.Name(address)]; ok {
		return b, nil
	}
	return nil, notFound("Event bus %s does not exist.", address)
}

type busInput struct {
	Name string
	Tags []struct{ Key, Value string }
}

type busOutput struct {
	EventBusARN string `json:"EventBusArn,omitempty"`
	Name        string `json:",omitempty"`
	ARN         string `json:"Arn,omitempty"`
}

func (s *Server) createEventBus(_ context.Context, in *busInput) (*busOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !name.MatchString(in.Name) || in.Name == "default" {
		return nil, invalid("%q is no name for an event bus", in.Name)
	}
	if _, ok := s.buses[in.Name]; ok {
		return nil, wire.Invalid("ResourceAlreadyExistsException", "Event bus %s already exists.", in.Name)
	}
	b := s.newBus(in.Name)
	s.buses[in.Name] = b
	return &busOutput{EventBusARN: b.arn}, nil
}

func (s *Server) deleteEventBus(_ context.Context, in *busInput) (*wire.None, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if in.Name == "default" {
		return nil, invalid("Cannot delete event bus default.")
	}
	if b, ok := s.buses[in.Name]; ok && len(b.rules) > 0 {
		return nil, invalid("Event bus can't be deleted since it has rules.")
	}
	delete(s.buses, in.Name)
	return &wire.None{}, nil
}

func (s *Server) describeEventBus(_ context.Context, in *busInput) (*busOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b, err := s.bus(in.Name)
	if err != nil {
		return nil, err
	}
	return &busOutput{Name: b.name, ARN: b.arn}, nil
}

type listBusesInput struct {
	NamePrefix string
}

type listBusesOutput struct {
	EventBuses []busOutput
}

func (s *Server) listEventBuses(_ context.Context, in *listBusesInput) (*listBusesOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := &listBusesOutput{EventBuses: []busOutput{}}
	for _, name := range slices.Sorted(maps.Keys(s.buses)) {
		if strings.HasPrefix(name, in.NamePrefix) {
			out.EventBuses = append(out.EventBuses, busOutput{Name: name, ARN: s.buses[name].arn})
		}
	}
	return out, nil
}
