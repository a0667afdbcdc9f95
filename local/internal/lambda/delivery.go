package lambda

import (
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// Outcome is how a delivery ended.
type Outcome string

// The outcomes.
const (
	Succeeded    Outcome = "succeeded"
	PartlyFailed Outcome = "partly failed" // some of its records are reported
	Failed       Outcome = "failed"        // all of them, or the invocation
	Throttled    Outcome = "throttled"     // it did not run
)

// Delivery is one invocation of a function that has ended.
type Delivery struct {
	Number   int       `json:"number"` // 1 is the first
	At       time.Time `json:"at"`     // of its end
	Function string    `json:"function"`
	Source   string    `json:"source"`
	Records  int       `json:"records"` // 0 where it is no batch
	Failed   int       `json:"failed"`  // of the records
	Millis   float64   `json:"millis"`  // of real time
	Outcome  Outcome   `json:"outcome"`
	Error    string    `json:"error"` // what the function failed with
}

// keptDeliveries is how many the journal remembers.
const keptDeliveries = 200

// journal remembers the latest deliveries, and counts all.
type journal struct {
	mu      sync.Mutex
	latest  []Delivery
	ended   int
	counted map[string]*count
}

type count struct{ succeeded, failed int }

func newJournal() journal { return journal{counted: make(map[string]*count)} }

func (j *journal) add(d Delivery) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ended++
	d.Number = j.ended
	if len(j.latest) == keptDeliveries {
		j.latest = slices.Delete(j.latest, 0, 1)
	}
	j.latest = append(j.latest, d)
	c := j.counted[d.Function]
	if c == nil {
		c = &count{}
		j.counted[d.Function] = c
	}
	if d.Outcome == Succeeded {
		c.succeeded++
	} else {
		c.failed++
	}
}

func (j *journal) counts(function string) (succeeded, failed int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if c := j.counted[function]; c != nil {
		return c.succeeded, c.failed
	}
	return 0, 0
}

// Deliveries lists the latest ones, the newest first.
func (s *Service) Deliveries() []Delivery {
	s.journal.mu.Lock()
	defer s.journal.mu.Unlock()
	latest := append([]Delivery{}, s.journal.latest...)
	slices.Reverse(latest)
	return latest
}

// note puts into the journal how an invocation ended.
func (f *Function) note(in *Invocation, began time.Time, result Result, err error) {
	d := Delivery{
		At: f.service.options.Clock.Now(), Function: f.name, Source: in.Source, Records: in.Records,
		Millis: float64(time.Since(began).Microseconds()) / 1000, Outcome: Succeeded,
	}
	var refused *wire.Error
	switch {
	case errors.As(err, &refused):
		d.Outcome, d.Error = Throttled, refused.Message
	case err != nil:
		return // nobody waits for it any more
	case result.Error != nil:
		d.Outcome, d.Failed, d.Error = Failed, in.Records, result.Error.Error()
	case in.Failures != nil:
		if d.Failed = in.Failures(result.Payload); d.Failed == in.Records {
			d.Outcome = Failed
		} else if d.Failed > 0 {
			d.Outcome = PartlyFailed
		}
	}
	f.service.journal.add(d)
}
