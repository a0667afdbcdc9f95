package cqrs

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"strings"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"
)

// maxKey is the longest key that is stored as it is. A partition key of DynamoDB
// may have 2,048 bytes, an index entry of PostgreSQL about 2,700.
const maxKey = 1024

// scopedKey is route|tenant|key. It is unambiguous, since route and tenant are
// escaped, and it is a hash where it would be too long for a store or is not
// UTF-8; a hash starts with #, which no route does.
func scopedKey(route, tenant, key string) string {
	scoped := escapeKey(route) + "|" + escapeKey(tenant) + "|" + key
	if len(scoped) > maxKey || !utf8.ValidString(scoped) {
		return "#" + hash(scoped)
	}
	return scoped
}

// redrivenKey begins the key of an event that was redriven after a failure that
// was stored under its own. No other key begins so: see scopedKey.
const redrivenKey = "#redriven|"

func escapeKey(part string) string {
	if !strings.ContainsAny(part, "|#%") {
		return part
	}
	return strings.NewReplacer("%", "%25", "|", "%7C", "#", "%23").Replace(part)
}

// newOwner names one run among all runs of all processes. It is no secret: it
// need not be hard to guess, only different.
func newOwner() string {
	var owner [16]byte
	binary.BigEndian.PutUint64(owner[:8], rand.Uint64()) //nolint:gosec // it need not be hard to guess
	binary.BigEndian.PutUint64(owner[8:], rand.Uint64()) //nolint:gosec // the same
	var text [32]byte
	hex.Encode(text[:], owner[:])
	return string(text[:])
}

// payloadHash is that of what the sender sent, without the token of a task: a
// state machine that tries a task again sends another token with the same work,
// and what was redriven has "[redacted]" in its place.
func payloadHash(d *Delivery) string {
	if d.Message == nil {
		return ""
	}
	token := d.anyToken()
	if token == "" && strings.Contains(d.Message.payload, "askToken") {
		token = tokenIn(d.Message.payload) // which its dead letter hides as well
	}
	if token == "" {
		return hash(d.Message.payload)
	}
	if text, err := jsonWithout(token, d.Message.payload); err == nil {
		return hash(text)
	}
	return hash(withoutToken(token, d.Message.payload))
}

// jsonWithout writes the JSON text anew, without spaces, with all strings spelled
// in one way and those that are the token empty.
func jsonWithout(token TaskToken, text string) (string, error) {
	var out bytes.Buffer
	options := []jsontext.Options{jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true)}
	in := jsontext.NewDecoder(strings.NewReader(text), options...)
	to := jsontext.NewEncoder(&out, options...)
	for {
		next, err := in.ReadToken()
		if errors.Is(err, io.EOF) {
			return out.String(), nil
		}
		if err != nil {
			return "", err
		}
		if next.Kind() == '"' && next.String() == string(token) {
			next = jsontext.String("")
		}
		if err := to.WriteToken(next); err != nil {
			return "", err
		}
	}
}
