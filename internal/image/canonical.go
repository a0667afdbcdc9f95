package image

import (
	"slices"
	"strings"
)

// Canonical returns the one text of an item: names and the elements of sets are
// sorted, numbers are written in full without needless zeros, strings without
// needless escapes, and there is no white space. The error is an [*Error], as
// that of [Check].
func Canonical(text string) (string, error) {
	c := canonizer{reader: newReader(text)}
	out, err := c.members(nil)
	if err == nil {
		err = c.end()
	}
	if err != nil {
		return "", err
	}
	return string(out), nil
}

type canonizer struct{ reader }

// attribute appends the next attribute to b.
func (c *canonizer) attribute(b []byte) ([]byte, error) {
	k, err := c.open()
	if err != nil {
		return nil, err
	}
	b = append(b, `{"`...)
	b = append(b, k.tag()...)
	b = append(b, `":`...)
	if b, err = c.value(k, b); err != nil {
		return nil, err
	}
	return append(b, '}'), c.close()
}

func (c *canonizer) value(k kind, b []byte) ([]byte, error) {
	switch k {
	case kindS, kindN, kindB:
		text, err := c.scalar(k)
		return appendText(b, canonicalScalar(k, text)), err
	case kindBOOL:
		value, err := c.boolean()
		if value {
			return append(b, "true"...), err
		}
		return append(b, "false"...), err
	case kindNULL:
		_, err := c.boolean()
		return append(b, "true"...), err
	case kindM:
		if err := c.deeper(); err != nil {
			return nil, err
		}
		b, err := c.members(b)
		c.depth--
		return b, err
	case kindL:
		if err := c.deeper(); err != nil {
			return nil, err
		}
		b, err := c.list(b)
		c.depth--
		return b, err
	default:
		return c.set(k, b)
	}
}

// canonicalScalar takes a checked text.
func canonicalScalar(k kind, text string) string {
	if k != kindN {
		return text
	}
	n, err := parseNumber(text)
	if err != nil {
		return text
	}
	return string(n.appendTo(nil))
}

func (c *canonizer) members(b []byte) ([]byte, error) {
	type member struct{ name, value string }
	var (
		few  [8]member
		all  = few[:0]
		part []byte
	)
	c.Object()
	for {
		name, ok := c.Field()
		if !ok {
			break
		}
		var err error
		if part, err = c.attribute(part[:0]); err != nil {
			return nil, within(name, err)
		}
		all = append(all, member{name, string(part)})
	}
	slices.SortFunc(all, func(x, y member) int { return strings.Compare(x.name, y.name) })
	b = append(b, '{')
	for i, m := range all {
		if i > 0 {
			if m.name == all[i-1].name {
				return nil, within(m.name, &Error{Err: errDuplicate})
			}
			b = append(b, ',')
		}
		b = append(appendText(b, m.name), ':')
		b = append(b, m.value...)
	}
	return append(b, '}'), c.broken()
}

func (c *canonizer) list(b []byte) ([]byte, error) {
	c.Array()
	b = append(b, '[')
	for i := 0; c.Element(); i++ {
		if i > 0 {
			b = append(b, ',')
		}
		var err error
		if b, err = c.attribute(b); err != nil {
			return nil, withinElement(i, err)
		}
	}
	return append(b, ']'), c.broken()
}

func (c *canonizer) set(k kind, b []byte) ([]byte, error) {
	var all []string
	c.Array()
	for c.Element() {
		text, err := c.scalar(k.element())
		if err != nil {
			return nil, withinElement(len(all), err)
		}
		all = append(all, canonicalScalar(k.element(), text))
	}
	slices.Sort(all)
	b = append(b, '[')
	for i, text := range all {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendText(b, text)
	}
	return append(b, ']'), c.broken()
}
