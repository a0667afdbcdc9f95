package cqrs

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// ErrNotFound says that there is no such item, or no such version of it.
var ErrNotFound = errors.New("cqrs: not found")

// ErrForeignTenant says that what was asked for belongs to another tenant.
var ErrForeignTenant = errors.New("cqrs: foreign tenant")

// Command is one version of an aggregate: what the write side appends, the stream
// carries and the read models are made of. Its JSON and attribute names are those
// of the reference system's tables. Its Key is that of the aggregate, without a
// version; [Key.At] is the key under which a version is kept.
type Command[A any] struct {
	Key

	ID         string `json:"id,omitzero"`
	Code       string `json:"code,omitzero"`
	Name       string `json:"name,omitzero"`
	TenantCode string `json:"tenantCode,omitzero"`
	Type       string `json:"type,omitzero"`

	Version    int64     `json:"version"`                // 1 for the first; 0 where there is none yet
	Deleted    bool      `json:"isDeleted,omitzero"`     // this version is the deletion
	Seq        int64     `json:"seq,omitzero"`           //
	TTL        time.Time `json:"ttl,omitzero"`           // zero: kept for ever; DynamoDB keeps whole seconds
	Schema     int       `json:"schemaVersion,omitzero"` // of Attributes; 0 is the first
	Attributes A         `json:"attributes,omitzero"`

	Source    string    `json:"source,omitzero"`
	RequestID string    `json:"requestId,omitzero"`
	CreatedAt time.Time `json:"createdAt,omitzero"` // of version 1; kept in milliseconds, in UTC
	UpdatedAt time.Time `json:"updatedAt,omitzero"` // of this version
	CreatedBy string    `json:"createdBy,omitzero"`
	UpdatedBy string    `json:"updatedBy,omitzero"`
	CreatedIP string    `json:"createdIp,omitzero"`
	UpdatedIP string    `json:"updatedIp,omitzero"`
}

// The separators of keys: TYPE#tenant, and sk@version for the rows of the
// command and history tables.
const (
	keySeparator     = "#"
	versionSeparator = "@"
)

// At is the key of one version of the item, as the command and history tables
// have it: sk@version.
func (k Key) At(version int64) Key {
	return Key{PK: k.PK, SK: k.SK + versionSeparator + strconv.FormatInt(version, 10)}
}

// CutVersion takes the version off a key that [Key.At] made. It reports false,
// and returns the key as it is, where there is none.
func (k Key) CutVersion() (item Key, version int64, ok bool) {
	at := strings.LastIndex(k.SK, versionSeparator)
	if at < 0 {
		return k, 0, false
	}
	version, err := strconv.ParseInt(k.SK[at+1:], 10, 64)
	if err != nil || version < 1 || k.SK[at+1:] != strconv.FormatInt(version, 10) {
		return k, 0, false
	}
	return Key{PK: k.PK, SK: k.SK[:at]}, version, true
}

// CutTenant splits a partition key of the form TYPE#tenant. It reports false for
// any other form, so that a tenant is never read in two ways.
func (k Key) CutTenant() (kind, tenant string, ok bool) {
	kind, tenant, ok = strings.Cut(k.PK, keySeparator)
	if !ok || kind == "" || tenant == "" || strings.Contains(tenant, keySeparator) {
		return "", "", false
	}
	return kind, tenant, true
}

// VersionConflict says that somebody else wrote the version that was to be
// written. It matches [ErrVersionConflict].
type VersionConflict struct { //nolint:errname // a conflict is what it is
	Key      Key
	Expected int64 // the version that the writer had read
	Actual   int64 // the version that was found; there may be newer ones
}

func (e *VersionConflict) Error() string {
	return fmt.Sprintf("cqrs: version conflict at %s %s: expected version %d, found %d; read it again and decide anew",
		e.Key.PK, e.Key.SK, e.Expected, e.Actual)
}

// Is matches ErrVersionConflict.
func (e *VersionConflict) Is(target error) bool { return target == ErrVersionConflict }
