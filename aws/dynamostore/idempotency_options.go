package dynamostore

import (
	"fmt"
	"time"

	"github.com/lambda-cqrs/cqrs/command"
)

// IdempotencyOption changes what [NewIdempotency] makes.
type IdempotencyOption func(*idempotency)

type blobs = command.Blobs

// IdempotencyNames are the names of a record's attributes. An empty one stands
// for the default in its comment.
type IdempotencyNames struct {
	Key string // "id" (S): the table's partition key
	// Sort names the table's sort key (S), "" where it has none. It always holds
	// "idempotency", so that the records can live in the table of something else.
	Sort       string
	Status     string // "status" (S): INPROGRESS or COMPLETED
	Owner      string // "owner" (S): the run that holds the key
	Payload    string // "validation" (S): the hash of the payload
	Lease      string // "in_progress_expiration" (N, ms): the end of the lease
	Expires    string // "expires" (N, ms): the end of the record
	TTL        string // "expiration" (N, s): the same, rounded up; the table's TTL attribute
	Result     string // "data" (S): the result's JSON; B where that is not UTF-8
	Blob       string // "blob" (S): the reference to a result that is kept elsewhere
	ErrorName  string // "error_name" (S): of a task failure that was reported
	ErrorCause string // "error_cause" (S)
}

const sortValue = "idempotency"

func (n *IdempotencyNames) setDefaults() {
	seen := map[string]bool{}
	for _, name := range []struct {
		is         *string
		byDefault  string
		isOptional bool
	}{
		{&n.Key, "id", false},
		{&n.Sort, "", true},
		{&n.Status, "status", false},
		{&n.Owner, "owner", false},
		{&n.Payload, "validation", false},
		{&n.Lease, "in_progress_expiration", false},
		{&n.Expires, "expires", false},
		{&n.TTL, "expiration", false},
		{&n.Result, "data", false},
		{&n.Blob, "blob", false},
		{&n.ErrorName, "error_name", false},
		{&n.ErrorCause, "error_cause", false},
	} {
		if *name.is == "" {
			*name.is = name.byDefault
		}
		if *name.is != "" && seen[*name.is] {
			panic(fmt.Sprintf("dynamostore: two idempotency attributes are named %q", *name.is))
		}
		seen[*name.is] = true
	}
}

// IdempotencyAttributes renames the attributes of the records.
func IdempotencyAttributes(names IdempotencyNames) IdempotencyOption {
	return func(s *idempotency) { s.names = names }
}

// IdempotencyClock replaces time.Now, by which leases and records end.
func IdempotencyClock(now func() time.Time) IdempotencyOption {
	if now == nil {
		panic("dynamostore: IdempotencyClock needs a clock")
	}
	return func(s *idempotency) { s.clock = now }
}

// IdempotencySkew is how far the clocks of two execution environments may be
// apart: a lease is taken over only that much after its end. The default is 0,
// since a lease ends with its invocation and AWS keeps its clocks together.
func IdempotencySkew(d time.Duration) IdempotencyOption {
	if d < 0 {
		panic(fmt.Sprintf("dynamostore: IdempotencySkew is negative: %v", d))
	}
	return func(s *idempotency) { s.skew = d }
}

// IdempotencyBlobs takes the results that do not fit into an item, under
// "idempotency/", a hash of the key and one of the owner. What expires with the record is removed
// by a rule of the blobs' own, such as the lifecycle of a bucket.
func IdempotencyBlobs(b command.Blobs) IdempotencyOption {
	return func(s *idempotency) { s.blobs = b }
}
