package dynamodb

import (
	"maps"
	"slices"
)

// Overview is a table with its stream as people look at it.
type Overview struct {
	Name    string `json:"name"`
	Items   int    `json:"items"`
	Bytes   int    `json:"bytes"`
	Stream  string `json:"stream"`  // the ARN, "" where there is none
	View    string `json:"view"`    // what the records show of an item
	Open    bool   `json:"open"`    // the stream takes records
	Written int64  `json:"written"` // records, since the stream began
	Kept    int    `json:"kept"`    // records of the last 24 hours
}

// Overview lists all tables by their names.
func (s *Server) Overview() []Overview {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.options.Now()
	all := make([]Overview, 0, len(s.tables))
	for _, name := range slices.Sorted(maps.Keys(s.tables)) {
		t := s.tables[name]
		o := Overview{Name: name, Items: t.rows.Len(), Bytes: t.bytes}
		if st := t.stream; st != nil {
			st.trim(now)
			o.Stream, o.View, o.Open, o.Kept = st.arn, st.view, !st.closed, len(st.records)
			o.Written = st.trimmed + int64(o.Kept)
		}
		all = append(all, o)
	}
	return all
}
