package dynamodb

import (
	"maps"
	"slices"
	"time"

	"github.com/tidwall/btree"
)

// collection is the rows of a table or of an index, in the order of their keys.
type collection struct {
	schema schema
	rows   *btree.BTreeG[row]
	bytes  int
}

// row is an item in a collection: of an index, what is projected into it.
type row struct {
	at   position
	item item
	size int
}

func newCollection(s schema) collection {
	less := func(a, b row) bool { return a.at.compare(b.at) < 0 }
	return collection{schema: s, rows: btree.NewBTreeGOptions(less, btree.Options{NoLocks: true})}
}

func (c *collection) set(r row) {
	old, _ := c.rows.Set(r)
	c.bytes += r.size - old.size
}

func (c *collection) remove(at position) {
	old, _ := c.rows.Delete(row{at: at})
	c.bytes -= old.size
}

// table is guarded by the mutex of its server.
type table struct {
	collection
	description tableSettings

	name, arn, id string
	created       time.Time
	indexes       []*index
	stream        *stream // the latest one, and nil where there was none
	ttl           timeToLive
	held          map[string]bool // identities of items that a transaction holds
}

// index is a global secondary index. It is always up to date.
type index struct {
	collection
	description indexSettings
}

func (t *table) index(name string) *index {
	for _, ix := range t.indexes {
		if ix.description.IndexName == name {
			return ix
		}
	}
	return nil
}

func (t *table) get(at position) (i item, size int) {
	r, _ := t.rows.Get(row{at: at})
	return r.item, r.size
}

// checkItem holds an item that is to be stored against all rules.
func (t *table) checkItem(i item) error {
	if err := t.schema.checkItem(i); err != nil {
		return err
	}
	for _, ix := range t.indexes {
		if err := ix.schema.checkIndexed(i, ix.description.IndexName); err != nil {
			return err
		}
	}
	for _, v := range i {
		if v.depth() > maxNesting {
			return invalid("Nesting Levels have exceeded supported limits")
		}
	}
	return nil
}

// free is an error while a transaction holds the item.
func (t *table) free(at position) error {
	if t.held[at.identity()] {
		return &apiError{code: codeConflict, message: "Transaction is ongoing for the item"}
	}
	return nil
}

// row is the index's row for an item of the table; ok is false where it has none.
func (ix *index) row(t *table, at position, i item) (r row, ok bool) {
	if i == nil || !ix.schema.covers(i) {
		return row{}, false
	}
	projected := i
	if ix.description.Projection.ProjectionType != projectAll {
		projected = item{}
		for name, v := range i {
			if ix.projects(t, name) {
				projected[name] = v
			}
		}
	}
	r = row{at: ix.schema.position(i), item: projected, size: projected.size()}
	r.at.rest = at.identity()
	return r, true
}

func (ix *index) projects(t *table, attribute string) bool {
	return ix.description.Projection.ProjectionType == projectAll ||
		t.schema.has(attribute) || ix.schema.has(attribute) ||
		slices.Contains(ix.description.Projection.NonKeyAttributes, attribute)
}

// fill indexes what is in the table.
func (ix *index) fill(t *table) {
	t.rows.Scan(func(r row) bool {
		if indexed, ok := ix.row(t, r.at, r.item); ok {
			ix.set(indexed)
		}
		return true
	})
}

// replace puts the new item in the place of the old one, nil where there is
// none, in the table, its indexes and its stream. It returns what that consumes.
func (s *Server) replace(t *table, at position, old, replacement item, expired bool) usage {
	oldSize, size := old.size(), replacement.size()
	used := usage{table: writeUnits(max(oldSize, size))}
	for _, ix := range t.indexes {
		used.add(ix.description.IndexName, ix.replace(t, at, old, replacement))
	}
	if old.equal(replacement) && (old == nil) == (replacement == nil) {
		return used
	}
	if replacement == nil {
		t.remove(at)
	} else {
		t.set(row{at: at, item: replacement, size: size})
	}
	t.ttl.replace(at, old, replacement)
	if t.stream != nil && !t.stream.closed {
		t.stream.append(s.newChange(t, old, replacement, expired))
	}
	return used
}

// replace returns the write units that it consumes.
func (ix *index) replace(t *table, at position, old, replacement item) float64 {
	from, was := ix.row(t, at, old)
	to, is := ix.row(t, at, replacement)
	if was && is && from.at == to.at {
		if from.item.equal(to.item) {
			return 0
		}
		ix.set(to)
		return writeUnits(max(from.size, to.size))
	}
	units := 0.0
	if was {
		ix.remove(from.at)
		units += writeUnits(from.size)
	}
	if is {
		ix.set(to)
		units += writeUnits(to.size)
	}
	return units
}

// table finds one by its name or ARN.
func (s *Server) table(name string) (*table, error) {
	if err := checkTableName(&name); err != nil {
		return nil, err
	}
	if t, ok := s.tables[name]; ok {
		return t, nil
	}
	return nil, notFound("Requested resource not found")
}

func (s *Server) tableNames() []string { return slices.Sorted(maps.Keys(s.tables)) }
