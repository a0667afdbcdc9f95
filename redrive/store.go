package redrive

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/lambda-cqrs/cqrs"
)

// The targets for errors.Is of a store's errors.
var (
	// ErrUnknown: there is no failure of that ID.
	ErrUnknown = errors.New("redrive: unknown failure")
	// ErrChanged: somebody else has changed the failure.
	ErrChanged = errors.New("redrive: failure has changed")
)

// Store keeps failures. Its methods are called from many goroutines and many
// processes at once. Package conformance checks it.
type Store interface {
	// FailureStore: a new failure is Open. A letter that repeats the one that is
	// stored (Failure.Repeats) changes nothing and is no news. Any other letter takes
	// its place: the failure has failed once more; one that is not Open becomes Open,
	// which is news, and one that is Open already stays so, which is none.
	cqrs.FailureStore

	// Groups lists the failures of a status by type and error, the largest group
	// first.
	Groups(ctx context.Context, status Status) ([]Group, error)
	// List yields the failures that the filter selects, the oldest first by FirstAt,
	// then by ID. It may leave out, or yield as they were, those that change while it
	// runs.
	List(ctx context.Context, f Filter) iter.Seq2[Failure, error]
	// Change moves a failure from one status to another and writes the audit's entry
	// with it, both or neither. It returns ErrChanged unless the failure is in From
	// and has Replays replays, and ErrUnknown where there is none. A change to
	// Replaying counts as one replay more.
	Change(ctx context.Context, c Change) error
	// Audit yields the entries of a failure, the oldest first; failing is an entry
	// too.
	Audit(ctx context.Context, id string) iter.Seq2[Entry, error]
}

// Change is one step of a failure.
type Change struct {
	ID       string
	From, To Status
	Replays  int // that the failure has had
	At       time.Time
	By, Note string
}

// Sender delivers a record again, to where it came from. A queue's message must
// carry the ID of the letter in the attribute cqrs.FailureIDAttribute, so that the
// failure is known where it happens again.
type Sender interface {
	Send(ctx context.Context, d cqrs.DeadLetter) error
}
