package command

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lambda-cqrs/cqrs"
)

// The limits of DynamoDB's keys in bytes, and what of the sort key is left for
// the version behind it.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
const (
	maxPartitionKey = 2048
	maxSortKey      = 1024
	versionRoom     = 20
)

// NewKey makes the key TYPE#tenant, sk; several parts of a sort key are joined by
// "#". A part that is empty, contains "#" or "@" or a control character, or is no
// UTF-8 is refused: otherwise two different keys could be spelled alike, or a
// version be read out of a sort key. [EscapePart] makes a part of any text.
func NewKey(kind, tenant string, sk ...string) (cqrs.Key, error) {
	key := cqrs.Key{PK: kind + "#" + tenant, SK: strings.Join(sk, "#")}
	if len(sk) == 0 {
		return cqrs.Key{}, keyError("a key needs a sort key")
	}
	for _, part := range append([]string{kind, tenant}, sk...) {
		if err := checkPart(part, "#@"); err != nil {
			return cqrs.Key{}, err
		}
	}
	return key, CheckKey(key)
}

// EscapePart makes a part of a key of any text that is not empty, such as an
// e-mail address: "%", "#", "@" and control characters become %XX.
func EscapePart(text string) string {
	var b strings.Builder
	for _, c := range []byte(text) {
		if c == '%' || c == '#' || c == '@' || c < ' ' || c == 0x7f {
			fmt.Fprintf(&b, "%%%02X", c)
		} else {
			b.WriteByte(c)
		}
	}
	return b.String()
}

// CheckKey reports whether the key is that of an aggregate: TYPE#tenant and a
// sort key without "@".
func CheckKey(key cqrs.Key) error {
	kind, tenant, ok := key.CutTenant()
	if !ok {
		return keyError("the partition key must be TYPE#tenant, with one #")
	}
	for _, part := range []string{kind, tenant, key.SK} {
		if err := checkPart(part, "@"); err != nil {
			return err
		}
	}
	if len(key.PK) > maxPartitionKey || len(key.SK) > maxSortKey-versionRoom {
		return keyError("at most %d bytes of partition key and %d of sort key", maxPartitionKey, maxSortKey-versionRoom)
	}
	return nil
}

func checkPart(part, separators string) error {
	switch {
	case part == "":
		return keyError("a part is empty")
	case !utf8.ValidString(part):
		return keyError("a part is not UTF-8")
	case strings.ContainsAny(part, separators):
		return keyError("a part contains one of %q: use EscapePart", separators)
	case strings.ContainsFunc(part, unicode.IsControl):
		return keyError("a part contains a control character")
	}
	return nil
}

// KeyError says why a key is refused. It does not quote the key.
type KeyError struct{ reason string }

func (e *KeyError) Error() string { return "command: bad key: " + e.reason }

func keyError(format string, args ...any) error {
	return cqrs.Permanent(&KeyError{reason: fmt.Sprintf(format, args...)})
}
