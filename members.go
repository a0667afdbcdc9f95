package cqrs

import (
	"fmt"
	"slices"

	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// member is a top-level member of a JSON object.
type member struct {
	text   string
	isText bool
	seen   bool
}

// memberReader reads the members of some names of a JSON object, and the text no
// further than it has to. A text that is no object has no members.
type memberReader struct {
	names   []string
	scanner scan.Scanner
	few     [4]member
	many    []member // in place of few, where there are more names
	begun   bool
	ended   bool
}

// readMembers reads all of a text. One that is not JSON is an error, and so is
// one in which a wanted name stands twice: which of the two would decide?
func readMembers(text string, names []string) ([]member, error) {
	r := memberReader{names: names}
	r.begin(text)
	if err := r.finish(); err != nil {
		return nil, err
	}
	return slices.Clone(r.all()), nil
}

func (r *memberReader) all() []member {
	if r.many != nil {
		return r.many
	}
	return r.few[:min(len(r.names), len(r.few))]
}

func (r *memberReader) begin(text string) {
	r.begun = true
	r.scanner = scan.New(text)
	if len(r.names) > len(r.few) {
		r.many = make([]member, len(r.names))
	}
	if r.scanner.Kind() == scan.Object {
		r.scanner.Object()
	} else {
		r.ended = true
		r.scanner.Skip()
	}
}

// find returns the first member of that name, which must be one of the names.
// The error says what is wrong with the text up to there, or with all of it
// where it has no such member.
func (r *memberReader) find(text, name string) (member, error) {
	if !r.begun {
		r.begin(text)
	}
	i := slices.Index(r.names, name)
	for !r.ended && !r.all()[i].seen {
		if err := r.next(); err != nil {
			return member{}, err
		}
	}
	if r.ended {
		if err := r.scanner.End(); err != nil {
			return member{}, err
		}
	}
	return r.all()[i], nil
}

// next reads one member.
func (r *memberReader) next() error {
	name, ok := r.scanner.Field()
	if !ok {
		r.ended = true
		return r.scanner.Err()
	}
	i := slices.Index(r.names, name)
	if i < 0 {
		r.scanner.Skip()
		return nil
	}
	m := &r.all()[i]
	if m.seen {
		return fmt.Errorf("the member %q stands twice", name)
	}
	m.seen = true
	if m.isText = r.scanner.Kind() == scan.String; m.isText {
		m.text = r.scanner.Text()
	} else {
		r.scanner.Skip()
	}
	return r.scanner.Err()
}

// finish reads the rest of a text that was begun.
func (r *memberReader) finish() error {
	if !r.begun {
		return nil
	}
	for !r.ended {
		if err := r.next(); err != nil {
			return err
		}
	}
	return r.scanner.End()
}
