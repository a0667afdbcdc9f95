package doctor

import (
	"cmp"
	"fmt"
	"slices"
)

// Severity says what a finding may come to.
type Severity string

// The severities, the worst first.
const (
	Error   Severity = "error"   // something is lost, applied twice, or cannot work
	Warning Severity = "warning" // it will hurt, some day
	Note    Severity = "note"    // somebody should know
)

// Finding is one thing that is wrong.
type Finding struct {
	Rule     string   `json:"rule"` // stable, such as "batch-failures-unreported"
	Severity Severity `json:"severity"`
	Resource string   `json:"resource"` // a name
	Problem  string   `json:"problem"`  // what is wrong, and what happens then
	Fix      string   `json:"fix"`
}

// String is the finding in one line.
func (f Finding) String() string {
	return fmt.Sprintf("%s %s %s: %s. %s.", f.Severity, f.Rule, f.Resource, f.Problem, f.Fix)
}

// report collects findings.
type report struct {
	code       Code
	deployment Deployment
	findings   []Finding
}

func (r *report) add(severity Severity, rule, resource, fix, problem string, args ...any) {
	r.findings = append(r.findings, Finding{
		Rule: rule, Severity: severity, Resource: resource, Problem: fmt.Sprintf(problem, args...), Fix: fix,
	})
}

// sorted are the findings, the worst first.
func (r *report) sorted() []Finding {
	rank := map[Severity]int{Error: 0, Warning: 1, Note: 2}
	slices.SortStableFunc(r.findings, func(a, b Finding) int {
		return cmp.Or(rank[a.Severity]-rank[b.Severity], cmp.Compare(a.Rule, b.Rule), cmp.Compare(a.Resource, b.Resource))
	})
	return slices.Compact(r.findings)
}
