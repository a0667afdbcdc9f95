package dynamodb

import (
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What the records of a stream show of an item.
const (
	viewKeys = "KEYS_ONLY"
	viewNew  = "NEW_IMAGE"
	viewOld  = "OLD_IMAGE"
	viewBoth = "NEW_AND_OLD_IMAGES"
)

// retention is how long a stream keeps its records, and how long it stays after
// it was closed.
const retention = 24 * time.Hour

// shuffleWindow is how many records the order of the next one can differ by.
const shuffleWindow = 64

// stream is a table's changes, in one shard. It is guarded by the mutex of its
// server. Positions count all records from the stream's first one.
type stream struct {
	arn, label, view, shard string
	table                   *table
	created                 time.Time
	closed                  bool
	closedAt                time.Time
	shuffle                 func(n int) int

	records []*change     // that are kept; their order is fixed up to sealed
	trimmed int64         // how many there were before
	sealed  int           // how many somebody may have seen
	changed chan struct{} // closed when there is a record more, or the stream closes
}

// change is a record of a stream.
type change struct {
	id          string
	identity    string // of the item
	keys        item
	old, latest item // nil where there is none
	at          time.Time
	expired     bool // time to live deleted the item
}

func (s *Server) newChange(t *table, old, latest item, expired bool) *change {
	present := latest
	if present == nil {
		present = old
	}
	keys := t.schema.keyOf(present)
	return &change{
		id:       strings.ToLower(rand.Text()),
		identity: t.schema.position(keys).identity(),
		keys:     keys,
		old:      old,
		latest:   latest,
		at:       s.options.Now(),
		expired:  expired,
	}
}

func (c *change) event() string {
	switch {
	case c.old == nil:
		return "INSERT"
	case c.latest == nil:
		return "REMOVE"
	default:
		return "MODIFY"
	}
}

// openStream begins a stream, whose name is the time of that.
func (s *Server) openStream(t *table, view string) {
	created := s.options.Now().UTC()
	label := func() string { return created.Format("2006-01-02T15:04:05.000") }
	for s.streams[t.arn+"/stream/"+label()] != nil {
		created = created.Add(time.Millisecond)
	}
	t.stream = &stream{
		arn:     t.arn + "/stream/" + label(),
		label:   label(),
		view:    view,
		shard:   fmt.Sprintf("shardId-%020d-%s", created.UnixMilli(), strings.ToLower(rand.Text()[:8])),
		table:   t,
		created: created,
		shuffle: s.options.Shuffle,
		changed: make(chan struct{}),
	}
	s.streams[t.stream.arn] = t.stream
}

func (s *Server) closeStream(t *table) {
	if t.stream == nil || t.stream.closed {
		return
	}
	t.stream.closed, t.stream.closedAt = true, s.options.Now()
	t.stream.announce()
}

// stream finds one, without what is too old.
func (s *Server) stream(arn string) (*stream, error) {
	st, ok := s.streams[arn]
	now := s.options.Now()
	if ok && st.closed && st.closedAt.Before(now.Add(-retention)) {
		delete(s.streams, arn)
		ok = false
	}
	if !ok {
		return nil, notFound("Requested resource not found: Stream: %s not found", arn)
	}
	st.trim(now)
	return st, nil
}

func (st *stream) announce() {
	close(st.changed)
	st.changed = make(chan struct{})
}

// append adds a record: last, or where it is shuffled to.
func (st *stream) append(c *change) {
	at := len(st.records)
	if st.shuffle != nil {
		first := at
		for first > max(st.sealed, at-shuffleWindow) && st.records[first-1].identity != c.identity {
			first--
		}
		at = first + st.shuffle(at-first+1)
	}
	st.records = slices.Insert(st.records, at, c)
	st.announce()
}

// seal fixes the order of all records, and returns the position behind them.
func (st *stream) seal() int64 {
	st.sealed = len(st.records)
	return st.trimmed + int64(st.sealed)
}

func (st *stream) trim(now time.Time) {
	old := 0
	for old < len(st.records) && st.records[old].at.Before(now.Add(-retention)) {
		old++
	}
	st.records = slices.Delete(st.records, 0, old)
	st.trimmed += int64(old)
	st.sealed = max(0, st.sealed-old)
}

// from returns up to limit records from a position on, which is not trimmed.
func (st *stream) from(at int64, limit int) []*change {
	end := st.seal()
	count := min(int64(limit), end-at)
	if count <= 0 {
		return nil
	}
	return slices.Clone(st.records[at-st.trimmed : at-st.trimmed+count])
}

// Sequence numbers are the positions behind a prefix. After a few records they
// have a digit more, as they may on AWS: as texts they are not in order.
const (
	sequenceDigits = 18
	sequenceModulo = 1_000_000_000_000_000_000
	sequenceFirst  = sequenceModulo - 8
	shortPrefix    = "999"
	longPrefix     = "1000"
)

func sequenceOf(at int64) string {
	if n := sequenceFirst + at; n < sequenceModulo {
		return fmt.Sprintf("%s%0*d", shortPrefix, sequenceDigits, n)
	}
	return fmt.Sprintf("%s%0*d", longPrefix, sequenceDigits, at-(sequenceModulo-sequenceFirst))
}

func positionOf(sequence string) (at int64, err error) {
	base := int64(0)
	digits, ok := strings.CutPrefix(sequence, shortPrefix)
	if ok {
		base = -sequenceFirst
	} else if digits, ok = strings.CutPrefix(sequence, longPrefix); ok {
		base = sequenceModulo - sequenceFirst
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if at = n + base; err != nil || !ok || len(digits) != sequenceDigits || at < 0 {
		return 0, invalid("Invalid SequenceNumber: %s", sequence)
	}
	return at, nil
}
