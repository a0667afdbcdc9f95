package stepfunctions

import (
	"slices"
	"strings"
	"time"
)

// Overview is an execution as people look at it.
type Overview struct {
	ARN     string    `json:"arn"`
	Name    string    `json:"name"`
	Machine string    `json:"machine"`
	Status  string    `json:"status"`
	State   string    `json:"state"` // the last one that was entered
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended,omitzero"`
	Error   string    `json:"error"`
}

// Overview lists the latest executions, the newest first, and counts all.
func (s *Server) Overview(limit int) (latest []Overview, total int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	latest = make([]Overview, 0, min(limit, len(s.order)))
	for _, e := range slices.Backward(s.order) {
		if len(latest) == limit {
			break
		}
		o := Overview{
			ARN: e.arn, Name: e.name, Machine: e.machine.name, Status: e.status, State: e.lastState(), Started: e.started, Ended: e.stopped,
		}
		if e.failure != nil {
			o.Error = e.failure.name
		}
		latest = append(latest, o)
	}
	return latest, len(s.order)
}

func (e *execution) lastState() string {
	for _, event := range slices.Backward(e.history) {
		if strings.HasSuffix(event.kind, "StateEntered") {
			name, _ := event.details["name"].(string)
			return name
		}
	}
	return ""
}
