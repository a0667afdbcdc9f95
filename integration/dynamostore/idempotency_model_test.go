package dynamostore_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lambda-cqrs/cqrs"
)

// model is what a key has been through, in memory.
type model struct {
	claim   cqrs.Claim
	outcome *cqrs.Outcome
}

func (m *model) acquire(c cqrs.Claim, now time.Time, once bool) (*cqrs.Outcome, error) {
	switch {
	case m.claim.Owner == "", !now.Before(m.claim.ExpiresAt):
	case m.claim.PayloadHash != c.PayloadHash:
		return nil, cqrs.ErrPayloadMismatch
	case m.outcome != nil:
		return m.outcome, nil
	case m.claim.Owner == c.Owner:
	case now.Before(m.claim.LeaseUntil):
		return nil, cqrs.ErrInProgress
	case once:
		return nil, cqrs.ErrAbandoned
	}
	*m = model{claim: c}
	return nil, nil
}

func (m *model) complete(c cqrs.Claim, o cqrs.Outcome) error {
	if m.claim.Owner != c.Owner {
		return cqrs.ErrLeaseLost
	}
	if m.outcome == nil {
		*m = model{claim: c, outcome: &o}
	}
	return nil
}

func (m *model) release(c cqrs.Claim) error {
	if m.claim.Owner != c.Owner || m.outcome != nil {
		return cqrs.ErrLeaseLost
	}
	*m = model{}
	return nil
}

// Three runs with two payloads interleave at will, the clock moves in between, and
// now and then an answer or a request is lost: the store says what the model says.
func TestInterleavings(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	keys := 0
	rapid.Check(t, func(rt *rapid.T) {
		keys++
		key := strconv.Itoa(keys)
		m := &model{}
		claims := map[string]cqrs.Claim{}
		draw := func() cqrs.Claim {
			now := b.clock.Now()
			c := cqrs.Claim{
				Key: key, Owner: rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "owner"),
				PayloadHash: rapid.SampledFrom([]string{"h", "h", "h", "other"}).Draw(rt, "payload"),
			}
			c.LeaseUntil = now.Add(time.Duration(rapid.IntRange(0, 5).Draw(rt, "lease")) * time.Second)
			c.ExpiresAt = c.LeaseUntil.Add(time.Duration(rapid.IntRange(0, 5).Draw(rt, "rest")) * time.Second)
			return c
		}
		held := func() cqrs.Claim {
			owner := rapid.SampledFrom([]string{"a", "b", "c"}).Draw(rt, "owner")
			if c, ok := claims[owner]; ok {
				return c
			}
			return cqrs.Claim{Key: key, Owner: owner}
		}
		disturb := func() {
			switch rapid.IntRange(0, 5).Draw(rt, "fault") {
			case 0:
				b.faults.LoseAnswer()
			case 1:
				b.faults.LoseRequest()
			}
		}
		acquire := func(once bool) {
			c := draw()
			want, wantErr := m.acquire(c, b.clock.Now(), once)
			disturb()
			f := b.store.Acquire
			if once {
				f = b.store.(interface {
					AcquireOnce(context.Context, cqrs.Claim) (*cqrs.Outcome, error)
				}).AcquireOnce
			}
			got, err := f(t.Context(), c)
			require.ErrorIs(rt, err, wantErr)
			require.Equal(rt, want, got)
			if err == nil && got == nil {
				claims[c.Owner] = c
			}
		}
		rt.Repeat(map[string]func(*rapid.T){
			"acquire":     func(*rapid.T) { acquire(false) },
			"acquireOnce": func(*rapid.T) { acquire(true) },
			"complete": func(rt *rapid.T) {
				c := held()
				o := cqrs.Outcome{Result: []byte(strconv.Itoa(rapid.IntRange(0, 9).Draw(rt, "result")))}
				want := m.complete(c, o)
				disturb()
				require.ErrorIs(rt, b.store.Complete(t.Context(), c, o), want)
			},
			"release": func(*rapid.T) {
				c := held()
				isFree := m.claim.Owner == ""
				want := m.release(c)
				if !isFree { // else nobody knows whether a lost request has removed anything
					disturb()
				}
				require.ErrorIs(rt, b.store.Release(t.Context(), c), want)
			},
			"wait": func(rt *rapid.T) {
				b.clock.advance(time.Duration(rapid.IntRange(1, 4).Draw(rt, "seconds")) * time.Second)
			},
		})
	})
}
