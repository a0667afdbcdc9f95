package lambdaevent

import (
	"fmt"
	"slices"
	"strings"

	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// space is the white space of JSON.
const space = " \t\r\n"

// recordList is what the member Records of a payload holds.
type recordList struct {
	texts   []string
	source  string   // of the first record
	mixed   []string // the sources, where they differ
	problem string   // the first thing that keeps it from being a list of records
}

// read notes the extent and the source of every record in passing.
func (l *recordList) read(s *scan.Scanner, text string) {
	if kind := s.Kind(); kind != scan.Array {
		l.problem = "Records that are " + kind.String()
		s.Skip()
		return
	}
	s.Array()
	for s.Element() {
		kind := s.Kind()
		start := s.Pos()
		source := ""
		if kind == scan.Object {
			source = readSource(s)
		} else {
			s.Skip()
		}
		if s.Err() != nil {
			return
		}
		l.add(kind, source, strings.Trim(text[start:s.Pos()], space), len(text))
	}
}

// MaxRecords is the number of records that AWS puts into one payload.
const MaxRecords = 10_000

func (l *recordList) add(kind scan.Kind, source, text string, size int) {
	if l.texts == nil {
		l.source = source
		l.texts = make([]string, 0, min(size/len(text)+1, MaxRecords))
	}
	l.texts = append(l.texts, text)
	switch {
	case l.problem != "":
	case kind != scan.Object:
		l.problem = fmt.Sprintf("Records of which the one at index %d is %s", len(l.texts)-1, kind)
	case source == "":
		l.problem = fmt.Sprintf("Records of which the one at index %d has no event source", len(l.texts)-1)
	case source != l.source:
		l.mix(source)
	}
}

func (l *recordList) mix(source string) {
	if l.mixed == nil {
		l.mixed = []string{l.source}
	}
	if !slices.Contains(l.mixed, source) && (len(l.mixed) < maxListed || kindOf(source) != 0) {
		l.mixed = append(l.mixed, source)
	}
}

// decide says what the records are. One that is no record of any source decides
// before a mixture does.
func (l *recordList) decide() (Kind, error) {
	switch {
	case l.problem != "":
		return 0, &UnrecognisedError{Reason: l.problem + expected}
	case len(l.texts) == 0:
		return Empty, nil
	case l.mixed == nil && kindOf(l.source) != 0:
		return kindOf(l.source), nil
	case l.mixed == nil:
		return 0, &UnrecognisedError{Reason: "Records of the event source " + quote(l.source) + expected}
	case !slices.ContainsFunc(l.mixed, func(source string) bool { return kindOf(source) != 0 }):
		return 0, &UnrecognisedError{Reason: "Records of the event sources " + strings.Join(quoted(l.mixed), ", ") + expected}
	}
	for i, source := range l.mixed {
		l.mixed[i] = cut(source)
	}
	return 0, &MixedError{Sources: l.mixed}
}

// readSource reads a record and returns its event source, which SNS spells in
// its own way; "" where it has none. Of duplicates the first counts here: the
// record's decoder refuses them.
func readSource(s *scan.Scanner) string {
	source := ""
	s.Object()
	for {
		name, ok := s.Field()
		if !ok {
			return source
		}
		if source != "" || name != "eventSource" && name != "EventSource" {
			s.Skip()
			continue
		}
		source, _ = readText(s)
	}
}

// readText reads any value and returns it where it is a string that can be read.
func readText(s *scan.Scanner) (string, bool) {
	if s.Kind() == scan.String {
		before := *s
		text := s.Text()
		if s.Err() == nil {
			return text, true
		}
		*s = before
	}
	s.Skip()
	return "", false
}
