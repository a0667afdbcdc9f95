package redrive

import (
	"slices"
	"strings"
	"time"

	"github.com/lambda-cqrs/cqrs"
)

// Status is what has become of a failure.
type Status string

// The statuses.
const (
	Open      Status = "OPEN"      // it waits for a person
	Replaying Status = "REPLAYING" // a replay has begun and not ended
	Replayed  Status = "REPLAYED"  // it was sent, and has not failed again
	Discarded Status = "DISCARDED" // a person decided that it need not be done
)

// Failure is a dead letter and what has become of it.
type Failure struct {
	cqrs.DeadLetter // the last one

	Status  Status
	Times   int       // how often it has failed
	Replays int       // how often a replay has begun; changes are conditional on it
	FirstAt time.Time // when it failed first; DeadLetter.At is the last time
}

// Type is what failed: the route, or, where the record did not get that far, the
// queue, topic, table, bucket or function.
func (f *Failure) Type() string { return TypeOf(&f.DeadLetter) }

// TypeOf is the Type of the failure that a letter is about.
func TypeOf(d *cqrs.DeadLetter) string {
	if d.Route != "" {
		return d.Route
	}
	arn := d.Message.ARN
	if table, ok := tableOf(arn); ok {
		return table
	}
	if name := arn[strings.LastIndexAny(arn, ":/")+1:]; name != "" {
		return name
	}
	return string(d.Message.Source)
}

// tableOf returns the table of the ARN of a DynamoDB stream.
func tableOf(arn string) (string, bool) {
	_, rest, ok := strings.Cut(arn, ":table/")
	if !ok {
		return "", false
	}
	table, _, _ := strings.Cut(rest, "/")
	return table, table != ""
}

// Repeats reports whether d is the very letter that f holds, delivered again. A
// record that failed again differs in its message or its time.
func (f *Failure) Repeats(d *cqrs.DeadLetter) bool {
	return f.Message.ID == d.Message.ID && f.Attempts == d.Attempts && f.At.Equal(d.At)
}

// Group is what failures of one type and error come to.
type Group struct {
	Type, ErrorName string
	Failures        int
	FirstAt, LastAt time.Time
	Sample          string // the ID of the one that failed last
}

// Filter selects failures. Its zero value selects all that are open.
type Filter struct {
	IDs             []string // these alone; they must fit the rest too
	Type, ErrorName string   // empty: any
	Status          Status   // empty: Open
}

// Matches reports whether the filter selects f.
func (w Filter) Matches(f *Failure) bool {
	return f.Status == w.status() &&
		(len(w.IDs) == 0 || slices.Contains(w.IDs, f.ID)) &&
		(w.Type == "" || w.Type == f.Type()) &&
		(w.ErrorName == "" || w.ErrorName == f.ErrorName)
}

func (w Filter) status() Status {
	if w.Status == "" {
		return Open
	}
	return w.Status
}

// Entry is one line of the audit.
type Entry struct {
	ID       string // of the failure
	At       time.Time
	By       string // who did it; empty for the failures themselves
	From, To Status // From is empty for the first
	Note     string
}
