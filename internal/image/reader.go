package image

import (
	"errors"

	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// MaxDepth is the number of lists and maps that an attribute may hold within
// each other, DynamoDB's own limit.
const MaxDepth = 32

// Brackets is the number of objects and arrays that MaxDepth needs in JSON: the
// item, two for each list or map, one for the innermost attribute and one for a
// set.
const Brackets = 1 + 2*MaxDepth + 1 + 1

var (
	errDuplicate = errors.New("a duplicate attribute name")
	errDepth     = errors.New("lists and maps nested deeper than 32 levels")
	errNoType    = errors.New("an attribute without a type")
	errType      = errors.New("an attribute of an unknown type")
	errTwoTypes  = errors.New("an attribute of more than one type")
)

// reader walks an item in DynamoDB's JSON. Its methods return an *Error at the
// first thing that is wrong; what they returned before it has no meaning.
type reader struct {
	scan.Scanner
	depth int
}

func newReader(text string) reader {
	return reader{Scanner: scan.NewDepth(text, Brackets)}
}

// broken is the scanner's error as ours, nil while there is none.
func (r *reader) broken() error {
	if err := r.Err(); err != nil {
		return &Error{Err: err}
	}
	return nil
}

// end checks that nothing follows the item.
func (r *reader) end() error {
	if err := r.End(); err != nil {
		return &Error{Err: err}
	}
	return nil
}

// open enters an attribute and returns its kind. The caller reads the value and
// then closes the attribute.
func (r *reader) open() (kind, error) {
	tag, _ := r.Enter()
	return r.kind(tag)
}

// kind is the kind that an attribute's tag stands for.
func (r *reader) kind(tag string) (kind, error) {
	if k := kindOf(tag); k != kindUnknown {
		return k, nil
	}
	if err := r.broken(); err != nil {
		return kindUnknown, err
	}
	if tag == "" {
		return kindUnknown, &Error{Err: errNoType}
	}
	return kindUnknown, &Error{Err: errType}
}

// close leaves an attribute, which has nothing but its value.
func (r *reader) close() error {
	if r.Leave() {
		return nil
	}
	return r.unclosed()
}

// unclosed is the error of an attribute that could not be left.
func (r *reader) unclosed() error {
	if err := r.broken(); err != nil {
		return err
	}
	return &Error{Err: errTwoTypes}
}

// deeper counts a list or map that is entered; the caller takes it back.
func (r *reader) deeper() error {
	if r.depth++; r.depth > MaxDepth {
		return &Error{Err: errDepth}
	}
	return nil
}

// scalar reads a string, number or binary value and returns its checked text.
func (r *reader) scalar(k kind) (string, error) {
	text := r.Text()
	if r.Err() != nil {
		return "", r.broken()
	}
	var err error
	switch k {
	case kindN:
		err = checkNumber(text)
	case kindB:
		err = checkBase64(text)
	}
	if err != nil {
		return "", &Error{Err: err}
	}
	return text, nil
}

// boolean reads the value of a BOOL or NULL.
func (r *reader) boolean() (bool, error) {
	b := r.Bool()
	return b, r.broken()
}

// skip reads an attribute that nobody wants, as strictly as any other.
func (r *reader) skip() error {
	k, err := r.open()
	if err != nil {
		return err
	}
	return r.skipRest(k)
}

// skipRest reads an attribute that has been opened.
func (r *reader) skipRest(k kind) error {
	if err := r.skipValue(k); err != nil {
		return err
	}
	return r.close()
}

func (r *reader) skipValue(k kind) error {
	switch k {
	case kindS, kindN, kindB:
		_, err := r.scalar(k)
		return err
	case kindBOOL, kindNULL:
		_, err := r.boolean()
		return err
	case kindM:
		if err := r.deeper(); err != nil {
			return err
		}
		defer func() { r.depth-- }()
		return r.skipMembers()
	default:
		return r.skipElements(k)
	}
}

// skipMembers reads the members of an item or map.
func (r *reader) skipMembers() error {
	r.Object()
	var seen scan.Names
	for {
		name, tag, ok := r.Tagged()
		if !ok {
			return r.broken()
		}
		if !seen.Add(name) {
			return within(name, &Error{Err: errDuplicate})
		}
		k, err := r.kind(tag)
		if err == nil {
			err = r.skipRest(k)
		}
		if err != nil {
			return within(name, err)
		}
	}
}

// skipElements reads the elements of a list or set.
func (r *reader) skipElements(k kind) error {
	if k == kindL {
		if err := r.deeper(); err != nil {
			return err
		}
		defer func() { r.depth-- }()
	}
	r.Array()
	for i := 0; r.Element(); i++ {
		var err error
		if k == kindL {
			err = r.skip()
		} else {
			_, err = r.scalar(k.element())
		}
		if err != nil {
			return withinElement(i, err)
		}
	}
	return r.broken()
}
