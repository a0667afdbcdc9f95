package peers

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
)

// Observed is what a peer made of a scenario.
type Observed struct {
	Answer json.RawMessage `json:"answer,omitempty"` // of the last delivery
	Error  string          `json:"error,omitempty"`  // with which the invocation ended
	Hung   bool            `json:"hung,omitempty"`   // it had not ended after 3 s
	Late   bool            `json:"late,omitempty"`   // it ended after its deadline
	// Done are the records whose handler has run to its end, in that order, over
	// all deliveries.
	Done  []int  `json:"done"`
	Total string `json:"total,omitempty"` // of the order that is [Large]
}

// String says it in one line of a table: what AWS is told, and what has been done.
func (o Observed) String() string {
	var b strings.Builder
	switch {
	case o.Hung && o.Error != "":
		fmt.Fprintf(&b, "never answers, the process ends with an unhandled “%s”", short(o.Error))
	case o.Hung:
		b.WriteString("never answers")
	case o.Error != "":
		fmt.Fprintf(&b, "the invocation fails: “%s”", short(o.Error))
	default:
		b.WriteString(o.answer())
	}
	switch {
	case o.Total != "":
		fmt.Fprintf(&b, "; the handler sees %s", o.Total)
	case len(o.Done) > 0:
		fmt.Fprintf(&b, "; %d handled", len(o.Done))
		if !ascending(o.Done) {
			fmt.Fprintf(&b, " (%s)", list(o.Done))
		}
	default:
		b.WriteString("; nothing handled")
	}
	if o.Late {
		b.WriteString(", after the deadline: AWS has ended it before")
	}
	return b.String()
}

func (o Observed) answer() string {
	var response struct {
		BatchItemFailures []struct {
			ItemIdentifier string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if err := json.Unmarshal(o.Answer, &response); err != nil || response.BatchItemFailures == nil {
		return "answers " + code(o.Answer)
	}
	if len(response.BatchItemFailures) == 0 {
		return "reports none"
	}
	failed := make([]int, len(response.BatchItemFailures))
	for i, item := range response.BatchItemFailures {
		failed[i] = index(item.ItemIdentifier)
	}
	return "reports " + list(failed)
}

// Reported are the records that the answer lists.
func (o Observed) Reported() string { return o.answer() }

// index is the position in its batch that an identifier has been made of.
func index(identifier string) int {
	if sequence, found := strings.CutSuffix(identifier, "00000000017450439"); found {
		n, _ := strconv.Atoi(sequence)
		return n - 44215840
	}
	n, _ := strconv.Atoi(identifier[strings.LastIndexByte(identifier, '-')+1:])
	return n
}

func code(text []byte) string {
	const most = 40
	s := string(text)
	if len(s) > most {
		s = s[:most] + "…"
	}
	return "`" + s + "`"
}

func short(s string) string {
	const most = 70
	s = strings.Join(strings.Fields(strings.ReplaceAll(s, "|", "/")), " ")
	if len(s) > most {
		s = s[:most] + "…"
	}
	return s
}

// list counts from 1, as people do.
func list(indices []int) string {
	texts := make([]string, len(indices))
	for i, n := range indices {
		texts[i] = strconv.Itoa(n + 1)
	}
	return strings.Join(texts, " ")
}

func ascending(indices []int) bool {
	for i, n := range indices {
		if n != i {
			return false
		}
	}
	return true
}
