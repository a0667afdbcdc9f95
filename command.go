package cqrs

import (
	"fmt"
	"time"
)

// Command is one version of an aggregate: what the write side appends, the stream
// carries and the read models are made of. Its JSON and attribute names are those
// of the reference system's tables.
type Command[A any] struct {
	Key

	ID, Code, Name, TenantCode, Type string

	Version    int64 // 1 for the first; 0 where there is none yet
	Deleted    bool  // this version is the deletion
	Seq        int64
	TTL        time.Time // zero: kept for ever
	Attributes A

	Source, RequestID                          string
	CreatedAt, UpdatedAt                       time.Time
	CreatedBy, UpdatedBy, CreatedIP, UpdatedIP string
}

// VersionConflict says that somebody else wrote the version that was to be
// written. It matches [ErrVersionConflict].
type VersionConflict struct { //nolint:errname // a conflict is what it is
	Key              Key
	Expected, Actual int64
}

func (e *VersionConflict) Error() string {
	return fmt.Sprintf("cqrs: version conflict at %s %s: expected version %d, found %d; read it again and decide anew",
		e.Key.PK, e.Key.SK, e.Expected, e.Actual)
}

// Is matches ErrVersionConflict.
func (e *VersionConflict) Is(target error) bool { return target == ErrVersionConflict }
