package scan_test

import (
	"encoding/json"
	"hash/fnv"
	"math/rand/v2"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// mutationsPerPayload is what each file of testdata goes through; with the race
// detector, which finds nothing in a scanner, it is a tenth of that.
const mutationsPerPayload = 100_000

// TestMutatedPayloads damages real payloads byte by byte, which finds what
// generated texts are too tidy for. The seed is fixed.
func TestMutatedPayloads(t *testing.T) {
	t.Parallel()
	for name, text := range payloads(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			seed := fnv.New64a()
			_, _ = seed.Write([]byte(name))
			m := mutator{Rand: rand.New(rand.NewPCG(seed.Sum64(), 1)), sample: []byte(text)}
			accepted, mutations := 0, mutationsPerPayload
			if raceDetector || testing.Short() {
				mutations /= 10
			}
			for i := range mutations {
				text := m.next()
				if sameVerdicts(t, text) {
					accepted++
				}
				if i%1000 == 0 {
					sameShortcuts(t, string(text))
				}
			}
			require.NotZero(t, accepted, "mutations that keep it valid are among them")
			require.Less(t, accepted, mutations)
		})
	}
}

// sameVerdicts compares Valid with encoding/json and Discard with jsontext,
// and reports whether the text is valid. No mutation nests too deeply.
func sameVerdicts(t require.TestingT, text []byte) bool {
	valid, read := json.Valid(text), string(text)
	if err := scan.Valid(read); valid != (err == nil) {
		require.FailNow(t, "verdicts differ", "%q: encoding/json says %t, Valid says %v", text, valid, err)
	}
	strict := valid && jsontext.Value(text).IsValid()
	s := scan.New(read)
	s.Discard()
	if err := s.End(); strict != (err == nil) {
		require.FailNow(t, "verdicts differ", "%q: jsontext says %t, Discard says %v", text, strict, err)
	}
	return valid
}

type mutator struct {
	*rand.Rand
	sample, text []byte
}

// next returns the sample with one to three mutations, valid until the next
// call.
func (m *mutator) next() []byte {
	m.text = append(m.text[:0], m.sample...)
	for range 1 + m.IntN(3) {
		m.mutate()
	}
	return m.text
}

var alphabet = []byte("{}[]\",:\\/-+.0159aeEbfnrtuTdD8 \n\t\x00\x1f\x7f\x80\xbf\xc3\xed\xf0\xff")

func (m *mutator) mutate() {
	if len(m.text) == 0 {
		return
	}
	at := m.IntN(len(m.text))
	some := alphabet[m.IntN(len(alphabet))]
	switch m.IntN(8) {
	case 0: // flip a bit
		m.text[at] ^= 1 << m.IntN(8)
	case 1, 2: // replace
		m.text[at] = some
	case 3: // insert
		m.text = append(m.text, 0)
		copy(m.text[at+1:], m.text[at:])
		m.text[at] = some
	case 4: // delete up to four bytes
		end := min(len(m.text), at+1+m.IntN(4))
		m.text = append(m.text[:at], m.text[end:]...)
	case 5: // swap neighbours
		if at > 0 {
			m.text[at-1], m.text[at] = m.text[at], m.text[at-1]
		}
	case 6: // copy a piece over another
		n := min(m.IntN(16), len(m.text)-at)
		from := m.IntN(len(m.text) - n + 1)
		copy(m.text[at:at+n], m.text[from:from+n])
	default: // cut the end off, rarely far from it
		m.text = m.text[:len(m.text)-min(len(m.text), m.IntN(8))]
	}
}
