package cqrstest_test

import (
	"bytes"
	"context"
	"iter"
	"maps"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lambda-cqrs/cqrs"
)

// claims is a small correct IdempotencyStore, which can be broken in one way.
type claims struct {
	mu   sync.Mutex
	now  func() time.Time
	bug  string
	held map[string]held
}

type held struct {
	claim   cqrs.Claim
	outcome *cqrs.Outcome
}

func newClaims(bug string) *claims {
	return &claims{now: time.Now, bug: bug, held: map[string]held{}}
}

func (s *claims) lock() func() {
	s.mu.Lock()
	return s.mu.Unlock
}

func (s *claims) key(c cqrs.Claim) string {
	switch s.bug {
	case "keys in one case":
		return strings.ToLower(c.Key)
	case "keys cut":
		return c.Key[:min(len(c.Key), 1024)]
	case "keys trimmed":
		return strings.TrimSpace(c.Key)
	default:
		return c.Key
	}
}

func (s *claims) live(h held, now time.Time) bool {
	return s.bug == "expiry ignored" || now.Before(h.claim.ExpiresAt)
}

func (s *claims) Acquire(ctx context.Context, c cqrs.Claim) (*cqrs.Outcome, error) {
	if err := ctx.Err(); err != nil && s.bug != "context ignored" {
		return nil, err
	}
	if s.bug == "check, then act" {
		unlock := s.lock()
		_, taken := s.held[s.key(c)]
		unlock()
		if !taken {
			stepAside()
			defer s.lock()()
			s.held[s.key(c)] = held{claim: c}
			return nil, nil
		}
	}
	defer s.lock()()
	now := s.now()
	h, ok := s.held[s.key(c)]
	mismatch := ok && h.claim.PayloadHash != c.PayloadHash && s.bug != "payload ignored"
	if s.bug == "empty hash is any" && (c.PayloadHash == "" || h.claim.PayloadHash == "") {
		mismatch = false
	}
	switch {
	case !ok, !s.live(h, now):
	case s.bug == "status before payload" && h.outcome == nil && now.Before(h.claim.LeaseUntil):
		return nil, cqrs.ErrInProgress
	case s.bug == "payload of abandoned ignored" && h.outcome == nil && !now.Before(h.claim.LeaseUntil):
	case mismatch:
		return nil, cqrs.ErrPayloadMismatch
	case h.outcome != nil:
		return s.replay(h), nil
	case h.claim.Owner == c.Owner && s.bug != "own write is a stranger's":
	case s.bug == "leases are for ever", s.bug != "leases are short" && now.Before(h.claim.LeaseUntil):
		return nil, cqrs.ErrInProgress
	case s.bug == "leases are short" && now.Before(h.claim.LeaseUntil.Add(-30*time.Second)):
		return nil, cqrs.ErrInProgress
	case s.bug == "old lease kept on takeover":
		c.LeaseUntil = h.claim.LeaseUntil
	}
	s.held[s.key(c)] = held{claim: c}
	return nil, nil
}

func (s *claims) replay(h held) *cqrs.Outcome {
	if s.bug == "results shared" {
		return h.outcome
	}
	o := *h.outcome
	o.Result = bytes.Clone(o.Result)
	switch s.bug {
	case "falsy results are null":
		if slices.Contains([]string{`0`, `""`, `false`, `[]`, `{}`}, string(o.Result)) {
			o.Result = []byte("null")
		}
	case "results re-encoded":
		o.Result = bytes.ReplaceAll(o.Result, []byte(" "), nil)
	case "failures forgotten":
		o.ErrorName, o.ErrorCause = "", ""
	case "results cut":
		o.Result = o.Result[:min(len(o.Result), 1000)]
	}
	return &o
}

func (s *claims) Complete(_ context.Context, c cqrs.Claim, o cqrs.Outcome) error {
	defer s.lock()()
	h, ok := s.held[s.key(c)]
	switch {
	case s.bug == "unconditional complete":
	case !ok && s.bug == "complete creates":
	case !ok, h.claim.Owner != c.Owner:
		return cqrs.ErrLeaseLost
	case h.outcome != nil:
		if s.bug == "complete only once" {
			return cqrs.ErrLeaseLost
		}
		return nil
	case s.bug == "complete only in the lease" && !s.now().Before(h.claim.LeaseUntil):
		return cqrs.ErrLeaseLost
	}
	if s.bug != "result not copied" {
		o.Result = bytes.Clone(o.Result)
	}
	switch s.bug {
	case "hash dropped on completion":
		c.PayloadHash = ""
	case "expiry of the claim kept":
		c.ExpiresAt = h.claim.ExpiresAt
	}
	s.held[s.key(c)] = held{claim: c, outcome: &o}
	return nil
}

func (s *claims) Release(_ context.Context, c cqrs.Claim) error {
	defer s.lock()()
	h, ok := s.held[s.key(c)]
	switch {
	case s.bug == "unconditional release":
	case s.bug == "release deletes an outcome" && ok && h.claim.Owner == c.Owner:
	case !ok, h.claim.Owner != c.Owner, h.outcome != nil:
		return cqrs.ErrLeaseLost
	case s.bug == "release does nothing":
		return nil
	}
	delete(s.held, s.key(c))
	return nil
}

// stepAside lets others in between a check and an act.
func stepAside() {
	for range 1000 {
		runtime.Gosched()
	}
}

// models is a small correct SyncStore, which can be broken in one way.
type models struct {
	mu       sync.Mutex
	bug      string
	progress map[any]cqrs.Progress
	attempts map[any]int
	parked   map[any]cqrs.Parked
}

func newModels(bug string) *models {
	return &models{bug: bug, progress: map[any]cqrs.Progress{}, attempts: map[any]int{}, parked: map[any]cqrs.Parked{}}
}

func (s *models) lock() func() {
	s.mu.Lock()
	return s.mu.Unlock
}

func (s *models) key(k cqrs.SyncKey) any {
	switch s.bug {
	case "keys joined":
		return strings.Join([]string{k.Table, k.Target, k.Tenant, k.Key.PK, k.Key.SK}, "#")
	case "tenant ignored":
		k.Tenant = ""
	}
	return k
}

func (s *models) Load(ctx context.Context, k cqrs.SyncKey) (cqrs.Progress, error) {
	defer s.lock()()
	p := s.progress[s.key(k)]
	switch s.bug {
	case "tombstones forgotten":
		p.Deleted = false
	case "hashes forgotten":
		p.Hash = ""
	}
	return p, ctx.Err()
}

func (s *models) Advance(ctx context.Context, k cqrs.SyncKey, from int64, to cqrs.Progress) error {
	if s.bug == "check, then advance" {
		unlock := s.lock()
		now := s.progress[s.key(k)].Version
		unlock()
		if now == from {
			stepAside()
			defer s.lock()()
			s.progress[s.key(k)] = to
			return nil
		}
	}
	defer s.lock()()
	if err := ctx.Err(); err != nil && s.bug != "context ignored" {
		return err
	}
	now := s.progress[s.key(k)].Version
	conflict := now != from
	switch s.bug {
	case "advance unconditional":
		conflict = false
	case "advance only forward":
		conflict = now >= to.Version
	}
	if conflict {
		return &cqrs.VersionConflict{Key: k.Key, Expected: from, Actual: now}
	}
	s.progress[s.key(k)] = to
	if s.bug == "advance unparks" {
		delete(s.parked, s.key(k))
	}
	return nil
}

func (s *models) Fail(ctx context.Context, k cqrs.SyncKey, version int64, _ string) (int, error) {
	defer s.lock()()
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	key := any(struct {
		key     any
		version int64
	}{s.key(k), version})
	switch s.bug {
	case "attempts of all versions":
		key = s.key(k)
	case "attempts not counted":
		return 1, nil
	}
	s.attempts[key]++
	return s.attempts[key], nil
}

func (s *models) Park(ctx context.Context, p cqrs.Parked) error {
	defer s.lock()()
	if err := ctx.Err(); err != nil {
		return err
	}
	known, ok := s.parked[s.key(p.SyncKey)]
	switch {
	case !ok, s.bug == "park overwrites":
	case s.bug == "park keeps the first":
		p = known
	default:
		known.LatestSeen = max(known.LatestSeen, p.LatestSeen)
		p = known
	}
	if s.bug == "reason forgotten" {
		p.Reason = ""
	}
	s.parked[s.key(p.SyncKey)] = p
	return nil
}

func (s *models) Unpark(_ context.Context, k cqrs.SyncKey, applied int64) (bool, error) {
	defer s.lock()()
	p, ok := s.parked[s.key(k)]
	blocked := p.LatestSeen > applied
	switch s.bug {
	case "unpark unconditional":
		blocked = false
	case "unpark strict":
		blocked = p.LatestSeen >= applied
	case "unpark by version":
		blocked = p.Version > applied
	}
	if !ok && s.bug != "unpark of nothing succeeds" || blocked {
		return false, nil
	}
	delete(s.parked, s.key(k))
	if s.bug == "unpark resets progress" {
		delete(s.progress, s.key(k))
	}
	return true, nil
}

func (s *models) List(_ context.Context, table, target string) iter.Seq2[cqrs.Parked, error] {
	return func(yield func(cqrs.Parked, error) bool) {
		unlock := s.lock()
		all := slices.Collect(maps.Values(s.parked))
		unlock()
		if s.bug == "list of one page" {
			all = all[:min(len(all), 10)]
		}
		for _, p := range all {
			inTarget := target == "" && s.bug != "empty target is a target" || p.Target == target
			if s.bug == "target is a prefix" {
				inTarget = strings.HasPrefix(p.Target, target)
			}
			if (p.Table == table || s.bug == "all tables listed") && inTarget && !yield(p, nil) {
				return
			}
		}
	}
}
