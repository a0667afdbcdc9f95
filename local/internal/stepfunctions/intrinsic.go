package stepfunctions

import (
	"crypto/md5"  //nolint:gosec // States.Hash offers it
	"crypto/sha1" //nolint:gosec // the same
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"hash"
	"maps"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/lambda-cqrs/cqrs/local/internal/pattern"
)

// apply is an intrinsic function on its arguments. See
// https://docs.aws.amazon.com/step-functions/latest/dg/intrinsic-functions.html
func apply(name string, arguments []any) (any, error) {
	a := argumentList{name: name, list: arguments}
	var result any
	switch name {
	case "States.Format":
		result = a.format()
	case "States.StringToJson":
		decoded, err := pattern.Decode([]byte(a.text(0)))
		if err != nil {
			a.complainf("%v", err)
		}
		result = decoded
	case "States.JsonToString":
		result = encode(a.at(0))
	case "States.StringSplit":
		result = a.split()
	case "States.JsonMerge":
		result = a.merge()
	case "States.Base64Encode":
		result = base64.StdEncoding.EncodeToString([]byte(a.text(0)))
	case "States.Base64Decode":
		decoded, err := base64.StdEncoding.DecodeString(a.text(0))
		if err != nil {
			a.complainf("%v", err)
		}
		result = string(decoded)
	case "States.Hash":
		result = a.hash()
	case "States.UUID":
		result = newName()
	case "States.MathRandom":
		result = a.random()
	case "States.MathAdd":
		sum := new(big.Int).Add(big.NewInt(int64(a.integer(0))), big.NewInt(int64(a.integer(1))))
		result = json.Number(sum.String())
	default:
		result = a.onArrays()
	}
	return result, a.err
}

func (a *argumentList) onArrays() any {
	switch a.name {
	case "States.Array":
		return append([]any{}, a.list...)
	case "States.ArrayPartition":
		return a.partition()
	case "States.ArrayContains":
		return a.index(a.array(), a.at(1)) >= 0
	case "States.ArrayRange":
		return a.span()
	case "States.ArrayGetItem":
		list, i := a.array(), a.integer(1)
		if i < 0 || i >= len(list) {
			a.complainf("the index %d is out of range", i)
			return nil
		}
		return list[i]
	case "States.ArrayLength":
		return json.Number(strconv.Itoa(len(a.array())))
	case "States.ArrayUnique":
		unique := []any{}
		for _, item := range a.array() {
			if a.index(unique, item) < 0 {
				unique = append(unique, item)
			}
		}
		return unique
	default:
		a.complainf("the local runtime does not have this function")
		return nil
	}
}

// argumentList keeps the first error.
type argumentList struct {
	name string
	list []any
	err  error
}

func (a *argumentList) complainf(format string, arguments ...any) {
	if a.err == nil {
		a.err = failed("States.IntrinsicFailure", a.name+": "+format, arguments...)
	}
}

func (a *argumentList) at(i int) any {
	if i >= len(a.list) {
		a.complainf("argument %d is missing", i+1)
		return nil
	}
	return a.list[i]
}

func (a *argumentList) text(i int) string {
	text, ok := a.at(i).(string)
	if !ok {
		a.complainf("argument %d is no string", i+1)
	}
	return text
}

// array is the first argument, which it is in every function on arrays.
func (a *argumentList) array() []any {
	list, ok := a.at(0).([]any)
	if !ok {
		a.complainf("argument 1 is no array")
	}
	return list
}

func (a *argumentList) integer(i int) int {
	n, ok := pattern.Number(a.at(i))
	if !ok {
		a.complainf("argument %d is no number", i+1)
		return 0
	}
	f, _ := n.Float64()
	return int(f)
}

func (a *argumentList) index(list []any, item any) int {
	for i, other := range list {
		if encode(other) == encode(item) {
			return i
		}
	}
	return -1
}

func (a *argumentList) format() string {
	parts := strings.Split(a.text(0), "{}")
	if len(parts) != len(a.list) && a.err == nil {
		a.complainf("the template has %d places for %d values", len(parts)-1, len(a.list)-1)
		return ""
	}
	var out strings.Builder
	for i, part := range parts {
		if i > 0 {
			out.WriteString(text(a.at(i)))
		}
		out.WriteString(strings.NewReplacer(`\{`, "{", `\}`, "}", `\\`, `\`).Replace(part))
	}
	return out.String()
}

func (a *argumentList) split() []any {
	separators := a.text(1)
	parts := []any{}
	for _, part := range strings.FieldsFunc(a.text(0), func(r rune) bool { return strings.ContainsRune(separators, r) }) {
		parts = append(parts, part)
	}
	return parts
}

func (a *argumentList) merge() any {
	left, ok := a.at(0).(map[string]any)
	right, also := a.at(1).(map[string]any)
	if !ok || !also || a.at(2) != false {
		a.complainf("takes two objects and false")
		return nil
	}
	merged := maps.Clone(left)
	maps.Copy(merged, right)
	return merged
}

func (a *argumentList) hash() string {
	var h hash.Hash
	switch algorithm := a.text(1); algorithm {
	case "MD5":
		h = md5.New() //nolint:gosec // as asked for
	case "SHA-1":
		h = sha1.New() //nolint:gosec // as asked for
	case "SHA-256":
		h = sha256.New()
	case "SHA-384":
		h = sha512.New384()
	case "SHA-512":
		h = sha512.New()
	default:
		a.complainf("unknown algorithm %q", algorithm)
		return ""
	}
	_, _ = h.Write([]byte(text(a.at(0)))) // never fails
	return hex.EncodeToString(h.Sum(nil))
}

func (a *argumentList) random() any {
	low, high := a.integer(0), a.integer(1)
	if a.err != nil || high <= low {
		a.complainf("takes a start and a larger end")
		return nil
	}
	source := rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64())) //nolint:gosec // no secret
	if len(a.list) > 2 {
		source = rand.New(rand.NewPCG(uint64(a.integer(2)), 0)) //nolint:gosec // a seed is for repetition
	}
	return json.Number(strconv.Itoa(low + source.IntN(high-low)))
}

func (a *argumentList) partition() []any {
	list, size := a.array(), a.integer(1)
	if size < 1 {
		a.complainf("the size of a part is positive")
		return nil
	}
	parts := []any{}
	for len(list) > 0 {
		n := min(size, len(list))
		parts = append(parts, append([]any{}, list[:n]...))
		list = list[n:]
	}
	return parts
}

func (a *argumentList) span() []any {
	first, last, step := a.integer(0), a.integer(1), a.integer(2)
	if a.err == nil && (step == 0 || (last-first)/step >= 1000) {
		a.complainf("takes a step other than 0, and gives up to 1000 numbers")
	}
	numbers := []any{}
	for n := first; a.err == nil && (step > 0 && n <= last || step < 0 && n >= last); n += step {
		numbers = append(numbers, json.Number(strconv.Itoa(n)))
	}
	return numbers
}
