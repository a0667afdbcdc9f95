package image

import (
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

// Error says which attribute cannot be converted, and why. It names attributes
// and Go types, and never quotes a value.
type Error struct {
	Path string // such as order.lines[2].sku; "" for the item as a whole
	Err  error
}

func (e *Error) Error() string {
	if e.Path == "" {
		return e.Err.Error()
	}
	return "attribute " + e.Path + ": " + e.Err.Error()
}

// Unwrap returns the reason.
func (e *Error) Unwrap() error { return e.Err }

func fail(reason string) error { return &Error{Err: errors.New(reason)} }

func failf(format string, args ...any) error { return &Error{Err: fmt.Errorf(format, args...)} }

// mismatch is the error for an attribute that a Go type cannot take.
func mismatch(k kind, t reflect.Type) error {
	return failf("%s does not fit the Go type %s", k, t)
}

// within puts the name of a map's member in front of the path of an error from
// inside of it.
func within(name string, err error) error {
	return under(readable(name), err)
}

// withinElement does the same for an element of a list or set.
func withinElement(i int, err error) error {
	return under("["+strconv.Itoa(i)+"]", err)
}

func under(step string, err error) error {
	var e *Error
	if !errors.As(err, &e) {
		return &Error{Path: step, Err: err}
	}
	if e.Path == "" || e.Path[0] == '[' {
		e.Path = step + e.Path
	} else {
		e.Path = step + "." + e.Path
	}
	return e
}

// longestName bounds what one attribute name adds to a path.
const longestName = 80

// readable quotes a name that would make a path ambiguous or break a log line.
func readable(name string) string {
	plain := name != "" && len(name) <= longestName && strings.IndexFunc(name, func(r rune) bool {
		return !strconv.IsPrint(r) || strings.ContainsRune(` ."[]`, r)
	}) < 0
	if plain {
		return name
	}
	if len(name) > longestName {
		name = strings.ToValidUTF8(name[:longestName], "") + "…"
	}
	return "[" + strconv.Quote(name) + "]"
}
