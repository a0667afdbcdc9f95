package cqrs

import (
	"context"
	"iter"
	"time"
)

// DataSyncHandler keeps one read model. Both methods may be called again for a
// version that they have already seen, never for an older one.
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

// SyncStore is both.
type SyncStore interface {
	ProgressStore
	ParkingStore
}
