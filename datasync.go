package cqrs

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync/atomic"
	"time"
)

// DataSyncHandler keeps one read model. Both methods may be called again for a
// version that they have already seen. They are not called for an older one,
// unless two invocations overtake each other: see [SelfGated].
type DataSyncHandler[A any] interface {
	Up(ctx context.Context, cmd Command[A]) error   // created or changed
	Down(ctx context.Context, cmd Command[A]) error // deleted
}

// SyncKey names the progress of one aggregate in one target.
type SyncKey struct {
	Table, Target, Tenant string

	Key Key
}

// Progress is how far one aggregate has come in one target.
type Progress struct {
	Version int64
	Hash    string // of the version's content
	Deleted bool   // the version is a deletion: a tombstone
}

// ProgressStore keeps the gate of each aggregate in each target.
type ProgressStore interface {
	// Load returns the zero Progress where nothing is known.
	Load(ctx context.Context, k SyncKey) (Progress, error)
	// Advance is a conditional write: a [*VersionConflict] unless the progress is
	// still at version from.
	Advance(ctx context.Context, k SyncKey, from int64, to Progress) error
}

// Parked is an aggregate that a target could not take.
type Parked struct {
	SyncKey

	Version    int64 // that failed
	LatestSeen int64 // the highest that has come since
	Attempts   int
	Reason     string
	Since      time.Time
}

// ParkingStore keeps the aggregates that wait for somebody to mend a target.
type ParkingStore interface {
	// Fail counts a failed attempt at a version.
	Fail(ctx context.Context, k SyncKey, version int64, cause string) (attempts int, err error)
	// Park is idempotent; LatestSeen only grows.
	Park(ctx context.Context, p Parked) error
	// Unpark removes the entry where LatestSeen is not above applied, and reports
	// whether it did.
	Unpark(ctx context.Context, k SyncKey, applied int64) (bool, error)
	// List walks what is parked for a table and target; an empty target means all.
	List(ctx context.Context, table, target string) iter.Seq2[Parked, error]
}

// SyncStore is both. One that is also a [SyncReader] is asked about all targets
// of a record at once.
type SyncStore interface {
	ProgressStore
	ParkingStore
}

// SyncReader is what a [SyncStore] may be besides, so that a record costs one
// read instead of several for each target.
type SyncReader interface {
	// Status returns the state of each key, in their order.
	Status(ctx context.Context, keys []SyncKey) ([]SyncStatus, error)
}

// SyncStatus is what is known of one aggregate in one target.
type SyncStatus struct {
	Progress Progress
	Parked   *Parked     // nil where it is not parked
	Claims   []SyncClaim // attempts that have not come to an end
}

// SyncClaim is an attempt to give a version to a target.
type SyncClaim struct {
	Version int64
	Owner   string // different for each attempt
}

// SyncClaimer is what a [SyncStore] may be besides, and then it is a [SyncReader]
// too. It lets two invocations see each other while they write to a target that
// has no gate of its own, and a later one that an earlier one has ended in the
// middle.
type SyncClaimer interface {
	// Claim notes an attempt, before the handler runs: a [*VersionConflict] unless
	// the progress is still at version from.
	Claim(ctx context.Context, k SyncKey, from int64, c SyncClaim) error
	// Complete is Advance, and takes the claim away.
	Complete(ctx context.Context, k SyncKey, from int64, to Progress, c SyncClaim) error
	// Release takes a claim away.
	Release(ctx context.Context, k SyncKey, c SyncClaim) error
}

// CommandSource reads commands again: to fill gaps, to take up what was parked.
// The error for what is not there matches [ErrNotFound]. A command.Store is one.
type CommandSource interface {
	GetCommand(ctx context.Context, key Key, version int64) (Command[Image], error)
	// History returns the versions above after that are kept, in ascending order.
	History(ctx context.Context, key Key, after int64) iter.Seq2[Command[Image], error]
}

// DataSync is the one way into the read models of a command table: the stream,
// synchronous publishing, rebuild and repair all go through its gates. Streams
// order the records of an item only, and each version of an aggregate is an item
// of its own, so versions come in any order, and more than once.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
//
// It is immutable once it is used, and safe for parallel use.
type DataSync[A any] struct {
	table   string
	store   SyncStore
	targets []SyncTarget[A]
	source  *atomic.Pointer[CommandSource] // given by UseSource; shared by the copies of With
	reader  CommandSource                  // a target that can read commands
	options syncOptions
}

// NewDataSync makes the sync of a command table, given by its full name. It
// panics where there is no target, or two have one name. A target that can also
// read commands, such as command.Target, is the source for gaps; without one,
// give it one with [SyncSource], or to command.New.
func NewDataSync[A any](table string, s SyncStore, targets ...SyncTarget[A]) *DataSync[A] {
	switch {
	case table == "":
		panic("cqrs: NewDataSync needs the name of the command table")
	case s == nil:
		panic("cqrs: NewDataSync needs a SyncStore, such as NewMemorySync()")
	case len(targets) == 0:
		panic("cqrs: NewDataSync needs a target")
	}
	sync := &DataSync[A]{table: table, store: s, targets: slices.Clone(targets), source: new(atomic.Pointer[CommandSource])}
	names := map[string]bool{}
	for _, t := range targets {
		switch {
		case t.handler == nil:
			panic("cqrs: NewDataSync needs targets that were made with Target")
		case names[t.name]:
			panic(fmt.Sprintf("cqrs: two targets of table %s are named %q", table, t.name))
		}
		names[t.name] = true
		if source, ok := t.handler.(CommandSource); ok && sync.reader == nil {
			sync.reader = source
		}
	}
	return sync
}

// With returns the same sync, its targets and gates, with the options.
func (s *DataSync[A]) With(opts ...SyncOption) *DataSync[A] {
	c := *s
	for _, opt := range opts {
		opt(&c.options)
	}
	return &c
}

// UseSource gives the sync, and all that With made of it, a source of commands,
// unless it was given one before. command.New does so. It is for wiring: call it
// before anything is applied.
func (s *DataSync[A]) UseSource(source CommandSource) {
	if source != nil {
		s.source.CompareAndSwap(nil, &source)
	}
}

// Table returns the name of the command table.
func (s *DataSync[A]) Table() string { return s.table }

// Targets returns the names of the targets, in their order.
func (s *DataSync[A]) Targets() []string {
	names := make([]string, len(s.targets))
	for i, t := range s.targets {
		names[i] = t.name
	}
	return names
}

// Apply takes one version to the targets, or only to those that are named. Each
// takes it if its gate lets it pass: a version that a target has, or a newer one
// than that, is nothing to do. All targets run although one fails; the error
// joins a [*SyncError] of each that failed and is not parked. What is parked is
// no error: it is kept, and taken up by Unpark.
//
// A version that a target has with other content is a [*DivergenceError]; it is
// marked and not applied.
func (s *DataSync[A]) Apply(ctx context.Context, cmd Command[A], targets ...string) error {
	return s.apply(ctx, &syncVersion[A]{meta: withAttributes(cmd, Image{}), cmd: &cmd}, targets)
}

// ApplyRow is Apply for a row as it is stored. Attributes that A does not know
// count for its content, and reach the targets that take rows.
func (s *DataSync[A]) ApplyRow(ctx context.Context, row Command[Image], targets ...string) error {
	return s.apply(ctx, &syncVersion[A]{meta: row, stored: &row}, targets)
}

func (s *DataSync[A]) apply(ctx context.Context, v *syncVersion[A], names []string) error {
	if err := s.prepare(ctx, v); err != nil {
		return err
	}
	targets, err := s.selected(ctx, names)
	if err != nil {
		return err
	}
	keys := make([]SyncKey, len(targets))
	for i, t := range targets {
		keys[i] = v.key(s.table, t.name)
	}
	status, err := s.status(ctx, targets, keys)
	if err != nil {
		return fmt.Errorf("cqrs: read the progress of %s %s: %w", v.meta.PK, v.meta.SK, err)
	}
	var failures []error
	for i, t := range targets {
		g := &gate[A]{sync: s, target: t, key: keys[i], v: v}
		if err := g.pass(ctx, status[i]); err != nil {
			failures = append(failures, &SyncError{SyncKey: keys[i], Version: v.meta.Version, Err: err})
		}
	}
	if len(failures) == 1 {
		return failures[0]
	}
	return errors.Join(failures...)
}

// selected returns the targets of those names; of none, all of them.
func (s *DataSync[A]) selected(ctx context.Context, names []string) ([]SyncTarget[A], error) {
	for _, name := range names {
		if !slices.ContainsFunc(s.targets, func(t SyncTarget[A]) bool { return t.name == name }) {
			return nil, Permanent(fmt.Errorf("cqrs: table %s has no target %q; it has %q", s.table, name, s.Targets()))
		}
	}
	var targets []SyncTarget[A]
	for _, t := range s.targets {
		if (len(names) == 0 || slices.Contains(names, t.name)) && (!t.noReplay || !IsReplay(ctx)) {
			targets = append(targets, t)
		}
	}
	return targets, nil
}

// Handler returns the handler of a target, nil where there is none of that name.
func (s *DataSync[A]) Handler(target string) DataSyncHandler[A] {
	t, _ := s.target(target)
	return t.handler
}

func (s *DataSync[A]) target(name string) (t SyncTarget[A], ok bool) {
	i := slices.IndexFunc(s.targets, func(t SyncTarget[A]) bool { return t.name == name })
	if i < 0 {
		return t, false
	}
	return s.targets[i], true
}

// InOrder reports whether a target is [Sequential].
func (s *DataSync[A]) InOrder(target string) bool {
	t, _ := s.target(target)
	return t.sequential
}

// status asks once where the store can answer for all, else for each target.
func (s *DataSync[A]) status(ctx context.Context, targets []SyncTarget[A], keys []SyncKey) ([]SyncStatus, error) {
	if reader, ok := s.store.(SyncReader); ok {
		return reader.Status(ctx, keys)
	}
	all := make([]SyncStatus, len(keys))
	for i, k := range keys {
		if !targets[i].selfGated {
			p, err := s.store.Load(ctx, k)
			if err != nil {
				return nil, err
			}
			all[i].Progress = p
		}
		parked, err := s.parked(ctx, k)
		if err != nil {
			return nil, err
		}
		all[i].Parked = parked
	}
	return all, nil
}

// SyncError is the failure of one target to take one version.
type SyncError struct {
	SyncKey

	Version int64
	Err     error
}

func (e *SyncError) Error() string {
	return fmt.Sprintf("cqrs: target %s could not take %s %s version %d: %v", e.Target, e.Key.PK, e.Key.SK, e.Version, e.Err)
}

// Unwrap returns Err.
func (e *SyncError) Unwrap() error { return e.Err }

// ErrDiverged says that a target has the same version with other content.
var ErrDiverged = errors.New("cqrs: diverged")

// DivergenceError says that a target has a version with other content than the
// source has. It matches [ErrDiverged].
type DivergenceError struct {
	Key     Key
	Version int64
}

func (e *DivergenceError) Error() string {
	return fmt.Sprintf("cqrs: %s %s has version %d with other content: compare it with the command and repair it",
		e.Key.PK, e.Key.SK, e.Version)
}

// Is matches ErrDiverged.
func (e *DivergenceError) Is(target error) bool { return target == ErrDiverged }

// ErrGap says that a sequential target lacks versions before the one that came.
var ErrGap = errors.New("cqrs: gap")

// Applied returns what a target has of the row's aggregate: from the SyncStore,
// or from the handler of a self-gated target, which has to be a [SyncProber].
func (s *DataSync[A]) Applied(ctx context.Context, target string, row Command[Image]) (Progress, error) {
	t, ok := s.target(target)
	if !ok {
		return Progress{}, Permanent(fmt.Errorf("cqrs: table %s has no target %q; it has %q", s.table, target, s.Targets()))
	}
	v := &syncVersion[A]{meta: row}
	k := v.key(s.table, target)
	if prober, ok := t.handler.(SyncProber); ok {
		return prober.Applied(ctx, k)
	}
	if t.selfGated {
		return Progress{}, Permanent(fmt.Errorf(
			"cqrs: target %q keeps its own progress and cannot be asked for it: let its handler implement SyncProber", target))
	}
	return s.store.Load(ctx, k)
}

// Present reports whether a target's read model shows the row's aggregate, where
// the target has [Presence]. Others cannot be asked, and known is false.
func (s *DataSync[A]) Present(ctx context.Context, target string, row Command[Image]) (present, known bool, err error) {
	t, _ := s.target(target)
	if t.presence == nil {
		return false, false, nil
	}
	v := &syncVersion[A]{meta: row}
	present, err = t.presence(ctx, v.key(s.table, target))
	return present, err == nil, err
}

// Parked lists what is parked for a target; an empty target means all.
func (s *DataSync[A]) Parked(ctx context.Context, target string) iter.Seq2[Parked, error] {
	return s.store.List(ctx, s.table, target)
}

// Walk lists the aggregates that a target has. It reports false where neither the
// handler nor the SyncStore is a [SyncWalker].
func (s *DataSync[A]) Walk(ctx context.Context, target string) (iter.Seq2[SyncKey, error], bool) {
	t, known := s.target(target)
	if walker, ok := t.handler.(SyncWalker); ok {
		return walker.Walk(ctx, s.table, target), true
	}
	walker, ok := s.store.(SyncWalker)
	if !ok || !known || t.selfGated {
		return nil, false
	}
	return walker.Walk(ctx, s.table, target), true
}
