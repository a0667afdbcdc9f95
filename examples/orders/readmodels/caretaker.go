package readmodels

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/lambda-cqrs/cqrs"
)

// TakeUp is the event of the schedule: it is time to try again what is parked.
type TakeUp struct{}

// Sync is any cqrs.DataSync.
type Sync interface {
	Table() string
	Targets() []string
	Unpark(ctx context.Context, target string) (int, error)
}

var _ Sync = (*cqrs.DataSync[any])(nil)

// Caretaker takes up what targets could not take.
type Caretaker struct {
	alarms *cqrs.Alarms
	syncs  []Sync
}

// NewCaretaker makes the caretaker of these data syncs.
func NewCaretaker(alarms *cqrs.Alarms, syncs ...Sync) *Caretaker { return &Caretaker{alarms, syncs} }

// Handle takes up what is parked for every target and returns how many aggregates
// are free again. What still fails stays parked for the next tick: a warning says so,
// and the event is skipped. Only where nobody could be warned is it an error.
func (c *Caretaker) Handle(ctx context.Context, _ TakeUp) (int, error) {
	freed, err := c.takeUp(ctx)
	switch {
	case err != nil:
		const message = "what is parked could not be taken up"
		details := map[string]any{"freed": freed, "error": err.Error()}
		if unheard := c.alarms.Warning(ctx, "readmodels.Caretaker", message, details); unheard != nil {
			return freed, errors.Join(err, unheard)
		}
		return freed, cqrs.Skip(fmt.Sprintf("%d taken up, and not: %v", freed, err))
	case freed == 0:
		return 0, cqrs.Skip("nothing is parked")
	default:
		return freed, nil
	}
}

// takeUp has the targets go side by side: one that fails, or does not answer, holds
// up none of the others. Its error joins the failures.
func (c *Caretaker) takeUp(ctx context.Context) (freed int, err error) {
	var (
		group    sync.WaitGroup
		mu       sync.Mutex
		failures []error
	)
	for _, s := range c.syncs {
		for _, target := range s.Targets() {
			group.Go(func() {
				n, err := s.Unpark(ctx, target)
				mu.Lock()
				defer mu.Unlock()
				freed += n
				if err != nil {
					failures = append(failures, fmt.Errorf("take up what is parked of %s for %s: %w", s.Table(), target, err))
				}
			})
		}
	}
	group.Wait()
	return freed, errors.Join(failures...)
}
