package cqrs

import (
	"context"
	"fmt"
	"iter"
	"reflect"
	"strings"
)

// SyncTarget is a read model of a [DataSync]; [Target] makes one.
type SyncTarget[A any] struct {
	targetOptions

	name    string
	handler DataSyncHandler[A]
}

type targetOptions struct {
	selfGated, sequential, bestEffort, noReplay bool

	parkAfter int
	presence  func(ctx context.Context, k SyncKey) (bool, error)
}

// TargetOption changes one target.
type TargetOption func(*targetOptions)

// defaultParkAfter is the number of failed attempts at one version.
const defaultParkAfter = 10

// Target names a read model. The name stands in the gates: a target that is
// renamed starts from nothing, which is how a read model is built anew beside
// the old one.
//
// The default is a snapshot target: each version carries the full state, so a
// newer one is applied whatever is missing before it. Its progress is kept in the
// SyncStore: read before the handler, advanced after it. It gets each version at
// least once.
//
// Target panics for an empty name, one with a "#", and a nil handler.
func Target[A any](name string, h DataSyncHandler[A], opts ...TargetOption) SyncTarget[A] {
	if strings.TrimSpace(name) == "" || strings.Contains(name, keySeparator) {
		panic(fmt.Sprintf("cqrs: Target needs a name without %q, not %q", keySeparator, name))
	}
	if h == nil || reflect.ValueOf(h).Kind() == reflect.Pointer && reflect.ValueOf(h).IsNil() {
		panic(fmt.Sprintf("cqrs: target %q needs a handler, not nil", name))
	}
	t := SyncTarget[A]{name: name, handler: h}
	t.parkAfter = defaultParkAfter
	for _, opt := range opts {
		opt(&t.targetOptions)
	}
	return t
}

// Name returns the target's name.
func (t SyncTarget[A]) Name() string { return t.name }

// InOrder reports whether the target is [Sequential]: its handler is then to take
// every version in order, by its own gate where it has one.
func (t SyncTarget[A]) InOrder() bool { return t.sequential }

// Handler returns the target's handler.
func (t SyncTarget[A]) Handler() DataSyncHandler[A] { return t.handler }

// SelfGated says that the handler's own write is the gate: a conditional put, or
// INSERT … ON CONFLICT … WHERE version < excluded.version. The handler answers
// [Skip] for what is stale, and with [Sequential] a [*VersionConflict], whose
// Actual is the version that it has, for what comes too early. Then gate and data
// cannot part: each version has its effect at most once, and an older one cannot
// overwrite a newer. No progress is kept beside it, and no version may be
// remembered twice.
//
// A target without it that two invocations write at once may for the length of
// a call hold the older version; whoever lost the race then applies the newer
// one again.
func SelfGated() TargetOption { return func(o *targetOptions) { o.selfGated = true } }

// Sequential gives the handler every version exactly in order, 1, 2, 3, …: for
// deltas and side effects. What is missing before a version is fetched from the
// source; what is there no more parks the aggregate.
func Sequential() TargetOption { return func(o *targetOptions) { o.sequential = true } }

// BestEffort parks the aggregate at the first failure, and the record succeeds.
func BestEffort() TargetOption { return func(o *targetOptions) { o.bestEffort = true } }

// ParkAfter parks the aggregate after that many failed attempts at a version;
// default 10. What failed with [Permanent], or cannot be decoded, is parked at
// once. It panics for less than 1.
func ParkAfter(attempts int) TargetOption {
	if attempts < 1 {
		panic(fmt.Sprintf("cqrs: ParkAfter needs at least 1 attempt, not %d", attempts))
	}
	return func(o *targetOptions) { o.parkAfter = attempts }
}

// NoReplay leaves the target out of rebuilds: what it does, such as sending
// mail, is not to be done again. See [IsReplay].
func NoReplay() TargetOption { return func(o *targetOptions) { o.noReplay = true } }

// Presence lets Verify look at the read model itself: f reports whether that shows
// the aggregate. The progress of a target says what has been applied, and nothing of
// what was done to the read model behind its back: a row that somebody has removed
// by hand, or a table that was restored from a backup.
//
// f is called for each aggregate whose progress is right, and for nothing else. It
// panics where f is nil.
func Presence(f func(ctx context.Context, k SyncKey) (bool, error)) TargetOption {
	if f == nil {
		panic("cqrs: Presence needs a function, not nil")
	}
	return func(o *targetOptions) { o.presence = f }
}

// RowSyncHandler is what a [DataSyncHandler] may be besides: it then gets the row
// as it is stored, also one that the application's type cannot be decoded from,
// instead of Up and Down.
type RowSyncHandler interface {
	SyncRow(ctx context.Context, row Command[Image]) error
}

// SyncProber is what the handler of a [SelfGated] target may be besides, so that
// it can be verified.
type SyncProber interface {
	// Applied returns what the target holds of an aggregate, zero for nothing.
	Applied(ctx context.Context, k SyncKey) (Progress, error)
}

// SyncWalker is what a handler or a [SyncStore] may be besides, so that
// aggregates are found that the source does not have.
type SyncWalker interface {
	Walk(ctx context.Context, table, target string) iter.Seq2[SyncKey, error]
}

// call runs the handler, which finds the gate in its context.
func (t SyncTarget[A]) call(ctx context.Context, k SyncKey, v *syncVersion[A]) (err error) {
	defer recoverTo(&err)
	ctx = &syncContext{Context: ctx, key: k, to: v.progress()}
	if rows, ok := t.handler.(RowSyncHandler); ok {
		row, err := v.row()
		if err != nil {
			return err
		}
		return rows.SyncRow(ctx, row)
	}
	switch {
	case v.err != nil:
		return v.err
	case v.meta.Deleted:
		return t.handler.Down(ctx, *v.cmd)
	default:
		return t.handler.Up(ctx, *v.cmd)
	}
}
