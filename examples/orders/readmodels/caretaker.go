package readmodels

import (
	"context"
	"errors"
	"fmt"

	"github.com/lambda-cqrs/cqrs"
)

// TakeUp is the tick of a schedule.
type TakeUp struct{}

// Sync is a data sync of any kind of aggregate.
type Sync interface {
	Table() string
	Targets() []string
	Unpark(ctx context.Context, target string) (int, error)
}

// Caretaker takes up what was parked, in the hope that what was wrong is mended.
type Caretaker struct{ syncs []Sync }

// NewCaretaker returns the handler for these syncs.
func NewCaretaker(syncs ...Sync) *Caretaker { return &Caretaker{syncs} }

// Handle tries every target of every sync. What fails again stays parked, as it was,
// and the next tick tries again: so that is no failure of this one.
func (c *Caretaker) Handle(ctx context.Context, _ TakeUp) error {
	var taken int
	var failed []error
	for _, sync := range c.syncs {
		for _, target := range sync.Targets() {
			n, err := sync.Unpark(ctx, target)
			taken += n
			if err != nil {
				failed = append(failed, fmt.Errorf("%s of %s: %w", target, sync.Table(), err))
			}
		}
	}
	if taken == 0 && len(failed) == 0 {
		return cqrs.Skip("nothing is parked")
	}
	if err := errors.Join(failed...); err != nil {
		return cqrs.Skip(fmt.Sprintf("%d taken up, and not: %v", taken, err))
	}
	return nil
}
