package lambdaevent

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// expected ends the reasons of an [UnrecognisedError].
const expected = "; expected Records of aws:sqs, aws:sns, aws:dynamodb, aws:kinesis or aws:s3, " +
	"an EventBridge event, an S3 test event or a Step Functions task"

// UnrecognisedError is returned for a payload that is valid JSON, but no event.
type UnrecognisedError struct {
	Reason string // what was found and what was expected
}

func (e *UnrecognisedError) Error() string { return e.Reason }

// MixedError is returned for Records of more than one event source, at least one
// of which is served. AWS never sends such a payload.
type MixedError struct {
	Sources []string // the first few, in order, each once
}

func (e *MixedError) Error() string {
	return "Records of different event sources: " + strings.Join(quoted(e.Sources), ", ")
}

// DuplicateError is returned for a payload in which a name occurs twice at the
// top level: which of the two values counts would be a guess.
type DuplicateError struct {
	Name string
}

func (e *DuplicateError) Error() string {
	return "the payload has the member " + quote(e.Name) + " twice"
}

// FieldError is the first thing that is wrong with a record. The rest of the
// record is decoded nevertheless.
type FieldError struct {
	Field string // the path to the member, as in "s3.object.key"
	Err   error
}

func (e *FieldError) Error() string { return e.Field + ": " + e.Err.Error() }

// Unwrap returns Err.
func (e *FieldError) Unwrap() error { return e.Err }

// What can be wrong with a member.
var (
	errMissing   = errors.New("missing")
	errDuplicate = errors.New("a duplicate name")
	errBase64    = errors.New("not base64")
	errEscape    = errors.New("an invalid URL escape")
	errTime      = errors.New("not an RFC 3339 time")
	errEpoch     = errors.New("a number that is no time")
	errInteger   = errors.New("not an integer of 64 bits")
	errNotSNS    = errors.New(`not "Notification"`)
)

// typeError says that a member has another JSON type than it must have.
type typeError struct{ have, want scan.Kind }

func (e *typeError) Error() string { return e.have.String() + " where " + e.want.String() + " belongs" }

// encodingError is the reason why a string that is valid JSON cannot be read.
type encodingError struct{ reason string }

func (e *encodingError) Error() string { return e.reason }

// maxName is the number of bytes that an error shows of a name.
const maxName = 64

// quote makes a name fit for a message, whatever its sender put into it.
func quote(name string) string { return strconv.Quote(cut(name)) }

func quoted(names []string) []string {
	all := make([]string, len(names))
	for i, name := range names {
		all[i] = quote(name)
	}
	return all
}

// cut shortens a name to maxName bytes of whole characters.
func cut(name string) string {
	if len(name) <= maxName {
		return name
	}
	n := maxName
	for n > 0 && !utf8.RuneStart(name[n]) {
		n--
	}
	return name[:n]
}

// pathName is a name as it stands in a path: as it is where it is plain.
func pathName(name string) string {
	for _, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return quote(name)
		}
	}
	return cut(name)
}
