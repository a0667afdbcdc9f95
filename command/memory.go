package command

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lambda-cqrs/cqrs"
)

// memory is a Store for tests and for one process.
type memory struct {
	mu       sync.Mutex
	commands map[cqrs.Key]Row // by Key.At
	history  map[cqrs.Key]Row // by Key.At
	data     map[cqrs.Key]Row
}

// NewMemory returns a Store that forgets everything with the process: for tests,
// and to try things out. It keeps no time to live.
func NewMemory() Store {
	return &memory{commands: map[cqrs.Key]Row{}, history: map[cqrs.Key]Row{}, data: map[cqrs.Key]Row{}}
}

// Append keeps a version.
func (m *memory) Append(ctx context.Context, row Row) error {
	return m.change(ctx, &row, func() error { return m.append(row) })
}

// Commit does all of it under one lock.
func (m *memory) Commit(ctx context.Context, row Row) error {
	return m.change(ctx, &row, func() error {
		_, known := m.commands[row.Key.At(row.Version)]
		if data := m.data[row.Key]; !known && data.Version >= row.Version {
			return &cqrs.VersionConflict{Key: row.Key, Expected: row.Version - 1, Actual: data.Version}
		}
		if err := m.append(row); err != nil {
			return err
		}
		m.project(row)
		return nil
	})
}

func (m *memory) append(row Row) error {
	key := row.Key.At(row.Version)
	if found, ok := m.commands[key]; ok {
		return OwnRow(row, found)
	}
	m.commands[key] = row
	return nil
}

// Project lets the gate decide.
func (m *memory) Project(ctx context.Context, row Row) error {
	return m.change(ctx, &row, func() error {
		data, known := m.data[row.Key]
		if err := Gate(ctx, row, data); known && err != nil {
			m.keep(row)
			return err
		}
		m.project(row)
		return nil
	})
}

func (m *memory) project(row Row) {
	m.keep(row)
	if m.data[row.Key].Version <= row.Version {
		m.data[row.Key] = row
	}
}

func (m *memory) keep(row Row) {
	if _, known := m.history[row.Key.At(row.Version)]; !known {
		m.history[row.Key.At(row.Version)] = row
	}
}

func (m *memory) change(ctx context.Context, row *Row, f func() error) error {
	if err := CheckRow(*row); err != nil {
		return err
	}
	row.CreatedAt, row.UpdatedAt = row.CreatedAt.UTC().Truncate(time.Millisecond), row.UpdatedAt.UTC().Truncate(time.Millisecond)
	row.TTL = row.TTL.UTC().Truncate(time.Second)
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	return f()
}

// Get reads the data.
func (m *memory) Get(ctx context.Context, key cqrs.Key) (Row, error) {
	return m.read(ctx, m.data, key)
}

// GetCommand reads a version.
func (m *memory) GetCommand(ctx context.Context, key cqrs.Key, version int64) (Row, error) {
	return m.read(ctx, m.commands, key.At(version))
}

func (m *memory) read(ctx context.Context, table map[cqrs.Key]Row, key cqrs.Key) (Row, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return Row{}, err
	}
	row, ok := table[key]
	if !ok {
		return Row{}, NotFound(key)
	}
	return row, nil
}

// List walks a snapshot.
func (m *memory) List(ctx context.Context, q Query) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		m.mu.Lock()
		rows := slices.SortedFunc(maps.Values(m.data), byKey)
		m.mu.Unlock()
		if q.Reverse {
			slices.Reverse(rows)
		}
		n := 0
		for _, row := range rows {
			if err := ctx.Err(); err != nil {
				yield(Row{}, err)
				return
			}
			if !q.matches(row) {
				continue
			}
			if n++; !yield(row, nil) || n == q.Limit {
				return
			}
		}
	}
}

func (q Query) matches(row Row) bool {
	behind := q.After == "" || row.SK > q.After
	if q.Reverse {
		behind = q.After == "" || row.SK < q.After
	}
	return row.PK == q.PK && behind && strings.HasPrefix(row.SK, q.Prefix) &&
		(q.From == "" || row.SK >= q.From) && (q.To == "" || row.SK <= q.To) && (q.Deleted || !row.Deleted)
}

// History walks a snapshot.
func (m *memory) History(ctx context.Context, key cqrs.Key, after int64) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		m.mu.Lock()
		var rows []Row
		for _, row := range m.history {
			if row.Key == key && row.Version > after {
				rows = append(rows, row)
			}
		}
		m.mu.Unlock()
		slices.SortFunc(rows, func(a, b Row) int { return cmp.Compare(a.Version, b.Version) })
		for _, row := range rows {
			if err := ctx.Err(); err != nil {
				yield(Row{}, err)
				return
			}
			if !yield(row, nil) {
				return
			}
		}
	}
}

// Scan puts keys into segments by their hash.
func (m *memory) Scan(ctx context.Context, p Page) (rows []Row, next string, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	table := m.data
	if p.Commands {
		table = m.commands
	}
	type entry struct {
		at  string
		row Row
	}
	var all []entry
	for key, row := range table {
		at := key.PK + "\x00" + key.SK
		h := fnv.New32a()
		_, _ = h.Write([]byte(key.PK + "\x00" + row.SK))
		if int(h.Sum32()%uint32(max(p.Segments, 1))) == p.Segment && at > p.Cursor {
			all = append(all, entry{at, row})
		}
	}
	slices.SortFunc(all, func(a, b entry) int { return strings.Compare(a.at, b.at) })
	for i, e := range all {
		if p.Limit > 0 && i == p.Limit {
			next = all[i-1].at
			break
		}
		rows = append(rows, e.row)
	}
	return rows, next, ctx.Err()
}

func byKey(a, b Row) int { return cmp.Or(cmp.Compare(a.PK, b.PK), cmp.Compare(a.SK, b.SK)) }

// OwnRow decides, for a [Store], about a version that is there already: nil where
// found is row itself, written by an attempt whose answer was lost, else a
// *cqrs.VersionConflict.
func OwnRow(row, found Row) error {
	if row.RequestID != "" && row.RequestID == found.RequestID {
		if same, err := sameContent(row, found); same || err != nil {
			return err
		}
	}
	return &cqrs.VersionConflict{Key: row.Key, Expected: row.Version - 1, Actual: found.Version}
}

// Gate decides, for a [Store], whether row may take the place of data: nil, a
// cqrs.Skip or a *cqrs.DivergenceError.
func Gate(ctx context.Context, row, data Row) error {
	switch {
	case data.Version < row.Version:
		return nil
	case data.Version > row.Version:
		return cqrs.Skip("the data have a newer version")
	case cqrs.ReplacesEqual(ctx):
		return nil
	}
	same, err := sameContent(row, data)
	if err != nil {
		return err
	}
	if !same {
		return &cqrs.DivergenceError{Key: row.Key, Version: row.Version}
	}
	return cqrs.Skip("the data have the version")
}

func sameContent(a, b Row) (bool, error) {
	x, err := cqrs.ContentHash(a)
	if err != nil {
		return false, err
	}
	y, err := cqrs.ContentHash(b)
	return x == y, err
}

// NotFound is the error for an item that is not there.
func NotFound(key cqrs.Key) error {
	return fmt.Errorf("command: %s %s: %w", key.PK, key.SK, cqrs.ErrNotFound)
}

// CheckRow reports, for a [Store], whether a row may be written.
func CheckRow(row Row) error {
	if err := CheckKey(row.Key); err != nil {
		return err
	}
	if row.Version < 1 {
		return cqrs.Permanent(fmt.Errorf("command: %s %s: a row's version is at least 1, not %d", row.PK, row.SK, row.Version))
	}
	return nil
}

// expired reports whether the row's time to live is over: DynamoDB takes days to
// remove such rows, and returns them meanwhile.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/howitworks-ttl.html
func expired(row Row) bool { return !row.TTL.IsZero() && !row.TTL.After(time.Now()) }
