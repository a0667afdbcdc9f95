package command

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/lambda-cqrs/cqrs"
)

// fact is a version that is known to exist, without its attributes. Versions are
// never changed, so that a fact stays true.
type fact struct {
	row  Row
	hash string
}

// facts remembers the versions that were read or published last.
type facts struct {
	mu    sync.Mutex
	known map[cqrs.Key]fact // by Key.At
	order []cqrs.Key        // a ring, the oldest at next
	next  int
}

const maxFacts = 1024

func newFacts() *facts { return &facts{known: map[cqrs.Key]fact{}} }

func (f *facts) add(row Row, hash string) {
	row.Attributes = cqrs.Image{}
	key := row.Key.At(row.Version)
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, ok := f.known[key]; !ok {
		if len(f.order) < maxFacts {
			f.order = append(f.order, key)
		} else {
			delete(f.known, f.order[f.next])
			f.order[f.next] = key
			f.next = (f.next + 1) % maxFacts
		}
	}
	f.known[key] = fact{row: row, hash: hash}
}

func (f *facts) get(key cqrs.Key, version int64) (fact, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	known, ok := f.known[key.At(version)]
	return known, ok
}

// learn makes a fact of a row that was read.
func (s *Service[A]) learn(row Row) (fact, error) {
	hash, err := cqrs.ContentHash(row)
	if err != nil {
		return fact{}, err
	}
	s.known.add(row, hash)
	row.Attributes = cqrs.Image{}
	return fact{row: row, hash: hash}, nil
}

// before returns the version that the caller says to have read. A version that
// nobody has published is a conflict: whoever names it would lock nothing.
func (s *Service[A]) before(ctx context.Context, key cqrs.Key, version int64) (fact, error) {
	if version == 0 {
		return fact{row: Row{Key: key}}, nil
	}
	if version < 0 {
		return fact{}, cqrs.Permanent(errors.New("command: a version is 0, positive or Latest"))
	}
	if known, ok := s.known.get(key, version); ok {
		return known, nil
	}
	row, err := s.source.GetCommand(ctx, key, version)
	if errors.Is(err, cqrs.ErrNotFound) {
		// Its time to live may be over; then it is in the data, if it is the newest.
		row, err = s.store.Get(ctx, key)
		if errors.Is(err, cqrs.ErrNotFound) || err == nil && row.Version != version {
			return fact{}, &cqrs.VersionConflict{Key: key, Expected: version, Actual: row.Version}
		}
	}
	if err == nil {
		row, err = s.source.Resolve(ctx, row)
	}
	if err != nil {
		return fact{}, err
	}
	return s.learn(row)
}

// newest returns the newest version.
func (s *Service[A]) newest(ctx context.Context, key cqrs.Key) (fact, error) {
	row, err := s.latest(ctx, key)
	if err != nil {
		return fact{row: Row{Key: key}}, err
	}
	return s.learn(row)
}

// latest reads the newest version, which the data may not have yet. Versions
// follow each other without gaps, so it goes up from the data in doubling steps
// and halves the last one: two reads where the data are up to date.
func (s *Service[A]) latest(ctx context.Context, key cqrs.Key) (Row, error) {
	low, err := s.store.Get(ctx, key)
	if err != nil && !errors.Is(err, cqrs.ErrNotFound) {
		return Row{}, err
	}
	base := low.Version
	var high int64 // the lowest version that is known not to be there; 0: none yet
	for step := int64(1); high == 0 || high-low.Version > 1; step *= 2 {
		at := base + step
		if high != 0 {
			at = low.Version + (high-low.Version)/2
		}
		row, err := s.store.GetCommand(ctx, key, at)
		switch {
		case err == nil:
			low = row
		case errors.Is(err, cqrs.ErrNotFound):
			high = at
		default:
			return Row{}, err
		}
	}
	if low.Version == 0 {
		return Row{}, NotFound(key)
	}
	return s.source.Resolve(ctx, low)
}

// pause waits a little, differently each time.
func pause(ctx context.Context) error {
	t := time.NewTimer(time.Duration(rand.Int64N(int64(50 * time.Millisecond)))) //nolint:gosec // jitter
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}
