package image

import "github.com/lambda-cqrs/cqrs/internal/scan"

// Check reports whether text is a well-formed item: every attribute has exactly
// one known type, numbers and base64 are legal, lists and maps nest at most
// [MaxDepth] deep, no name occurs twice in an object, and strings are UTF-8. The
// error is an [*Error].
func Check(text string) error {
	r := newReader(text)
	if err := r.skipMembers(); err != nil {
		return err
	}
	return r.end()
}

// Text returns the top-level S attribute of that name, "" where there is none
// or the text is malformed.
func Text(text, name string) string {
	if k, value := find(text, name); k == kindS {
		return value
	}
	return ""
}

// Peek is Text for a caller who decodes the item next: it reads no further than
// the attribute, and takes the first of that name. It allocates nothing, but for
// a text with escapes.
func Peek(text, name string) string {
	r := newReader(text)
	r.Object()
	for {
		found, tag, ok := r.Tagged()
		if !ok {
			return ""
		}
		if found == name {
			if kindOf(tag) == kindS {
				return r.Text()
			}
			return ""
		}
		if r.Skip(); !r.Leave() {
			return ""
		}
	}
}

// Scalar returns the top-level S or N attribute of that name, or the base64
// text of a B. It reports false where there is none or the text is malformed.
func Scalar(text, name string) (value string, ok bool) {
	k, value := find(text, name)
	return value, k != kindUnknown
}

// find checks the whole text, so that an answer never comes from one that
// decoding would refuse.
func find(text, wanted string) (kind, string) {
	r := newReader(text)
	r.Object()
	var (
		seen  scan.Names
		found kind
		value string
	)
	for {
		name, tag, ok := r.Tagged()
		if !ok {
			break
		}
		if !seen.Add(name) {
			return kindUnknown, ""
		}
		k, err := r.kind(tag)
		if err != nil {
			return kindUnknown, ""
		}
		if name == wanted && (k == kindS || k == kindN || k == kindB) {
			found = k
			value, err = r.scalar(k)
		} else {
			err = r.skipValue(k)
		}
		if err != nil || r.close() != nil {
			return kindUnknown, ""
		}
	}
	if r.End() != nil {
		return kindUnknown, ""
	}
	return found, value
}
