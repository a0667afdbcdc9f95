package lambdaevent

import (
	"strings"

	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// reader reads records. Its methods take a value each, whatever it is, so that
// reading goes on behind a bad one; the first problem of a record is kept. A
// value that is null counts as absent.
type reader struct {
	scan.Scanner

	input string          // the whole of what the scanner reads
	path  [maxPath]string // the names of the members that are being read
	depth int             // the number of names in path
	first *FieldError
	torn  bool // the text is not JSON, so there is no way to go on

	lean   bool        // maps are checked, but not made
	alien  bool        // a record names its source in the spelling of another one
	images ImageReader // may be nil
}

// maxPath is enough for every path that is read by name.
const maxPath = 6

func newReader(text string) reader {
	return reader{Scanner: scan.NewDepth(text, maxDepth), input: text}
}

// end returns what is wrong: that the text is not JSON, or else the first member
// that is not what it must be.
func (r *reader) end() error {
	if err := r.End(); err != nil {
		return err
	}
	if r.first != nil {
		return r.first
	}
	return nil
}

// object reads an object: each takes the value of the member that is named. It
// reports false where there is none.
func (r *reader) object(each func(name string)) bool {
	if !r.is(scan.Object) {
		return false
	}
	before := r.Scanner
	var seen names
	r.Object()
	for {
		name, ok := r.Field()
		if !ok {
			break
		}
		r.push(name)
		if seen.again(name) {
			r.fail(errDuplicate)
			r.Skip()
		} else {
			each(name)
		}
		r.depth--
	}
	if r.Err() != nil && r.depth > 0 && !r.torn {
		r.retreat(before)
	}
	return true
}

// array reads an array: each takes the next element.
func (r *reader) array(each func()) bool {
	if !r.is(scan.Array) {
		return false
	}
	r.Array()
	for r.Element() {
		each()
	}
	return true
}

// unknown skips a member of a record that nobody reads.
func (r *reader) unknown(name string) {
	if name == "eventSource" || name == "EventSource" {
		r.alien = true
	}
	r.Skip()
}

// is reports whether the next value is of this kind, and skips it where not.
func (r *reader) is(want scan.Kind) bool {
	have := r.Kind()
	if have == want {
		return true
	}
	if have != scan.Null && have != scan.Invalid {
		r.fail(&typeError{have: have, want: want})
	}
	r.Skip()
	return false
}

// retreat notes the scanner's error as the member's and skips the value from its
// start: a string of a bad encoding is valid JSON all the same.
func (r *reader) retreat(before scan.Scanner) {
	reason := r.Err()
	if syntax, ok := reason.(*scan.SyntaxError); ok { //nolint:errorlint // the scanner returns no other
		reason = &encodingError{reason: syntax.Reason}
	}
	r.fail(reason)
	r.Scanner = before
	r.Skip()
	r.torn = r.Err() != nil
}

func (r *reader) push(name string) {
	if r.depth < maxPath {
		r.path[r.depth] = name
	}
	r.depth++
}

// fail notes what is wrong with the member that is being read.
func (r *reader) fail(err error) {
	if r.first != nil {
		return
	}
	n := min(r.depth, maxPath)
	path := make([]string, n)
	for i, name := range r.path[:n] {
		path[i] = pathName(name)
	}
	r.first = &FieldError{Field: strings.Join(path, "."), Err: err}
}

// require notes that a member is missing where it was not found. Where it was
// found to be something else, that is what is kept.
func (r *reader) require(found bool, field string) {
	if !found && r.first == nil && r.Err() == nil {
		r.first = &FieldError{Field: field, Err: errMissing}
	}
}
