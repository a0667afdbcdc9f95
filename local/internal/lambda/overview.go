package lambda

import (
	"maps"
	"slices"
	"strings"
)

// Overview is a function as people look at it.
type Overview struct {
	Name      string            `json:"name"`
	Running   int               `json:"running"` // invocations
	Succeeded int               `json:"succeeded"`
	Failed    int               `json:"failed"` // in part too
	Sources   []MappingOverview `json:"sources"`
}

// MappingOverview is an event source mapping as people look at it.
type MappingOverview struct {
	Source        string `json:"source"`
	BatchSize     int    `json:"batchSize"`
	ReportPartial bool   `json:"reportPartial"`
}

// Overview lists all functions by their names.
func (s *Service) Overview() []Overview {
	s.mu.Lock()
	functions := slices.SortedFunc(maps.Values(s.functions), func(f, g *Function) int {
		return strings.Compare(f.name, g.name)
	})
	mappings := slices.SortedFunc(maps.Values(s.mappings), func(m, n *mapping) int {
		return strings.Compare(m.config.Source, n.config.Source)
	})
	s.mu.Unlock()
	all := make([]Overview, 0, len(functions))
	for _, f := range functions {
		o := Overview{Name: f.name, Sources: []MappingOverview{}}
		f.mu.Lock()
		o.Running = len(f.running)
		f.mu.Unlock()
		o.Succeeded, o.Failed = s.journal.counts(f.name)
		for _, m := range mappings {
			if m.function == f {
				o.Sources = append(o.Sources, MappingOverview{describeSource(m.config.Source), m.config.BatchSize, m.config.ReportPartial})
			}
		}
		all = append(all, o)
	}
	return all
}

// describeSource is a queue or the stream of a table, in words.
func describeSource(arn string) string {
	if _, rest, ok := strings.Cut(arn, ":table/"); ok {
		table, _, _ := strings.Cut(rest, "/")
		return "stream of " + table
	}
	return "queue " + arn[strings.LastIndexByte(arn, ':')+1:]
}
