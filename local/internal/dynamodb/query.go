package dynamodb

import (
	"fmt"
	"maps"
	"math/bits"
	"slices"
)

const (
	maxPage     = 1 << 20
	maxSegments = 1_000_000
)

type (
	// search is what Query and Scan have in common.
	search struct {
		bindings

		TableName              string  `json:"TableName"`
		IndexName              string  `json:"IndexName"`
		FilterExpression       *string `json:"FilterExpression"`
		ProjectionExpression   *string `json:"ProjectionExpression"`
		Select                 string  `json:"Select"`
		Limit                  *int    `json:"Limit"`
		ConsistentRead         bool    `json:"ConsistentRead"`
		ExclusiveStartKey      item    `json:"ExclusiveStartKey"`
		ReturnConsumedCapacity string  `json:"ReturnConsumedCapacity"`
	}
	queryInput struct {
		search

		KeyConditionExpression *string `json:"KeyConditionExpression"`
		ScanIndexForward       *bool   `json:"ScanIndexForward"`
	}
	scanInput struct {
		search

		Segment       *int `json:"Segment"`
		TotalSegments *int `json:"TotalSegments"`
	}
	searchOutput struct {
		Items            []item            `json:"Items,omitzero"`
		Count            int               `json:"Count"`
		ScannedCount     int               `json:"ScannedCount"`
		LastEvaluatedKey item              `json:"LastEvaluatedKey,omitzero"`
		Consumed         *consumedCapacity `json:"ConsumedCapacity,omitzero"`
	}
)

// searched is the table or index that a search is on, and how.
type searched struct {
	table  *table
	index  *index // nil where it is on the table
	rows   *collection
	filter condition
	fields map[string]bool // that the filter is on
	paths  []path
	start  *position // of the last page's end, nil on the first page
}

// begin parses what all searches have and binds it to the table or index.
func (s *Server) begin(in *search) (*searched, error) {
	err := firstError(
		in.check(),
		checkCapacityMode(in.ReturnConsumedCapacity),
		checkEnum("select", in.Select, "SPECIFIC_ATTRIBUTES", "COUNT", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES"),
		in.checkSelect(),
	)
	if err != nil {
		return nil, err
	}
	if in.Limit != nil && *in.Limit < 1 {
		return nil, violation("limit", fmt.Sprintf("'%d'", *in.Limit), "have value greater than or equal to 1")
	}
	on := &searched{}
	if on.table, err = s.table(in.TableName); err != nil {
		return nil, err
	}
	on.rows = &on.table.collection
	if in.IndexName != "" {
		if on.index = on.table.index(in.IndexName); on.index == nil {
			return nil, invalid("The table does not have the specified index: %s", in.IndexName)
		}
		on.rows = &on.index.collection
		if in.ConsistentRead {
			return nil, invalid("Consistent reads are not supported on global secondary indexes")
		}
	}
	if in.FilterExpression != nil {
		rule := func(p *parser) condition {
			c := p.condition()
			on.fields = p.names
			return c
		}
		if on.filter, err = parse("FilterExpression", in.FilterExpression, &in.bindings, rule); err != nil {
			return nil, err
		}
	}
	if on.paths, err = in.projection(in.ProjectionExpression); err != nil {
		return nil, err
	}
	return on, firstError(on.checkProjected(in), on.startAfter(in.ExclusiveStartKey))
}

func (in *search) checkSelect() error {
	switch {
	case in.Select == "SPECIFIC_ATTRIBUTES" && in.ProjectionExpression == nil:
		return invalidParameter("Must specify the ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES")
	case in.Select != "" && in.Select != "SPECIFIC_ATTRIBUTES" && in.ProjectionExpression != nil:
		return invalidParameter("Cannot specify the ProjectionExpression when choosing to get %s", in.Select)
	case in.Select == "ALL_PROJECTED_ATTRIBUTES" && in.IndexName == "":
		return invalidParameter("ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")
	}
	return nil
}

func (on *searched) checkProjected(in *search) error {
	if on.index == nil {
		return nil
	}
	if in.Select == "ALL_ATTRIBUTES" && on.index.description.Projection.ProjectionType != projectAll {
		return invalidParameter("Select type ALL_ATTRIBUTES is not supported for global secondary index %s "+
			"because its projection type is not ALL", in.IndexName)
	}
	for _, p := range on.paths {
		if !on.index.projects(on.table, p[0].name) {
			return invalidParameter("Global secondary index %s does not project [%s]", in.IndexName, p[0].name)
		}
	}
	return nil
}

// startAfter is where the last page ended, whether or not the item is still there.
func (on *searched) startAfter(key item) error {
	if key == nil {
		return nil
	}
	tableKey := on.table.schema.keyOf(key)
	names := len(tableKey)
	if on.index != nil {
		all := maps.Clone(tableKey)
		maps.Copy(all, on.index.schema.keyOf(key))
		names = len(all)
	}
	if names != len(key) || on.table.schema.checkKey(tableKey) != nil || !on.rows.schema.covers(key) {
		return invalid("The provided starting key is invalid")
	}
	at := on.rows.schema.position(key)
	if on.index != nil {
		at.rest = on.table.schema.position(tableKey).identity()
	}
	on.start = &at
	return nil
}

func (s *Server) query(in *queryInput) (*searchOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	on, err := s.begin(&in.search)
	if err != nil {
		return nil, err
	}
	if in.KeyConditionExpression == nil {
		return nil, invalid("Either the KeyConditions or KeyConditionExpression parameter must be specified in the request.")
	}
	keys, err := parse("KeyConditionExpression", in.KeyConditionExpression, &in.bindings,
		func(p *parser) keyRange { return p.keyRange(on.rows.schema) })
	if err != nil {
		return nil, err
	}
	if err := in.checkUsed(true); err != nil {
		return nil, err
	}
	for _, attribute := range on.rows.schema.attributes() {
		if on.fields[attribute.name] {
			return nil, invalid("Filter Expression can only contain non-primary key attributes: Primary key attribute: %s", attribute.name)
		}
	}
	partition := schema{partition: on.rows.schema.partition}.position(item{on.rows.schema.partition.name: keys.partition})
	if on.start != nil && !on.start.samePartition(partition) {
		return nil, invalid("The provided starting key is outside query boundaries based on provided conditions")
	}
	first, last := partition, partition
	first.sort, last.sort, last.rest = keys.lower, keys.upper, afterIdentity
	forward := in.ScanIndexForward == nil || *in.ScanIndexForward
	page := newPage(on, &in.search)
	page.walk(first, last, forward, func(r row) bool { return keys.sort == nil || keys.sort.holds(r.item) })
	return page.output(&in.search), nil
}

func (s *Server) scan(in *scanInput) (*searchOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	first, last, err := in.segment()
	if err != nil {
		return nil, err
	}
	on, err := s.begin(&in.search)
	if err != nil {
		return nil, err
	}
	if err := in.checkUsed(in.FilterExpression != nil || in.ProjectionExpression != nil); err != nil {
		return nil, err
	}
	if on.start != nil && (on.start.hash < first.hash || on.start.hash > last.hash) {
		return nil, invalid("The provided starting key is invalid: Invalid ExclusiveStartKey. " +
			"Please use ExclusiveStartKey with correct Segment.")
	}
	page := newPage(on, &in.search)
	page.walk(first, last, true, func(row) bool { return true })
	return page.output(&in.search), nil
}

// segment is the part of all hashes that a scan is over.
func (in *scanInput) segment() (first, last position, err error) {
	last = position{hash: 1<<64 - 1, partition: afterSort() + afterSort()}
	switch {
	case in.Segment == nil && in.TotalSegments == nil:
		return first, last, nil
	case in.Segment == nil:
		return first, last, requiredWith("Segment", "TotalSegments")
	case in.TotalSegments == nil:
		return first, last, requiredWith("TotalSegments", "Segment")
	case *in.Segment < 0 || *in.Segment >= *in.TotalSegments:
		return first, last, invalid("The Segment parameter is zero-based and must be less than parameter TotalSegments: "+
			"Segment: %d is not less than TotalSegments: %d", *in.Segment, *in.TotalSegments)
	}
	if err := checkBetween("totalSegments", *in.TotalSegments, 1, maxSegments); err != nil {
		return first, last, err
	}
	first.hash = boundary(*in.Segment, *in.TotalSegments)
	if *in.Segment+1 < *in.TotalSegments {
		last.hash = boundary(*in.Segment+1, *in.TotalSegments) - 1
	}
	return first, last, nil
}

func requiredWith(required, given string) error {
	return invalid("The %s parameter is required but was not present in the request when parameter %s is present", required, given)
}

// boundary is 2^64 × segment / total, rounded up, for 0 < total and segment < total.
func boundary(segment, total int) uint64 {
	quotient, remainder := bits.Div64(uint64(segment), 0, uint64(total))
	if remainder > 0 {
		quotient++
	}
	return quotient
}

// page gathers one page of a search.
type page struct {
	on      *searched
	limit   int // of rows looked at; 0 is none
	count   bool
	items   []item
	matched int
	scanned int
	bytes   int
	last    item // nil at the end of the search
}

func newPage(on *searched, in *search) *page {
	p := &page{on: on, count: in.Select == "COUNT", items: []item{}}
	if in.Limit != nil {
		p.limit = *in.Limit
	}
	return p
}

// walk looks at the rows from first to last, or backwards, that are in range,
// behind the end of the last page, until the page is full.
func (p *page) walk(first, last position, forward bool, inRange func(row) bool) {
	start := p.on.start
	var end row
	look := func(r row) bool {
		switch {
		case forward && r.at.compare(last) > 0, !forward && r.at.compare(first) < 0:
			return false
		case start != nil && r.at == *start, !inRange(r):
			return true
		case p.scanned > 0 && p.bytes+r.size > maxPage:
			p.last = p.on.keyOf(end.item)
			return false
		}
		p.add(r)
		end = r
		if p.limit > 0 && p.scanned == p.limit {
			p.last = p.on.keyOf(r.item)
			return false
		}
		return true
	}
	if forward {
		if start != nil && start.compare(first) > 0 {
			first = *start
		}
		p.on.rows.rows.Ascend(row{at: first}, look)
		return
	}
	if start != nil && start.compare(last) < 0 {
		last = *start
	}
	p.on.rows.rows.Descend(row{at: last}, look)
}

func (p *page) add(r row) {
	p.scanned++
	p.bytes += r.size
	if p.on.filter != nil && !p.on.filter.holds(r.item) {
		return
	}
	p.matched++
	if !p.count {
		p.items = append(p.items, projectOptional(r.item, p.on.paths))
	}
}

// keyOf is the key to continue behind.
func (on *searched) keyOf(i item) item {
	key := on.table.schema.keyOf(i)
	if on.index != nil {
		maps.Copy(key, on.index.schema.keyOf(i))
	}
	return key
}

func (p *page) output(in *search) *searchOutput {
	used := usage{}
	if units := readUnits(p.bytes, in.ConsistentRead); p.on.index != nil {
		used.add(in.IndexName, units)
	} else {
		used.table = units
	}
	out := &searchOutput{
		Count:            p.matched,
		ScannedCount:     p.scanned,
		LastEvaluatedKey: p.last,
		Consumed:         used.report(in.ReturnConsumedCapacity, p.on.table.name),
	}
	if !p.count {
		out.Items = slices.Clip(p.items)
	}
	return out
}
