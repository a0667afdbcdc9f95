package lambdaevent

import "strings"

// LessSequence orders the sequence numbers of a stream. They are decimal numbers
// of different lengths, with more digits than any integer type has.
func LessSequence(a, b string) bool {
	a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
	if len(a) != len(b) {
		return len(a) < len(b)
	}
	return a < b
}

// CompareSequencers orders the sequencers of two events of one S3 object:
// negative where a is the older one. They are hexadecimal; the shorter one has to
// be extended with zeros on the right, and event notifications and EventBridge
// spell them in different cases.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
func CompareSequencers(a, b string) int {
	for i := range max(len(a), len(b)) {
		if x, y := digitAt(a, i), digitAt(b, i); x != y {
			return int(x) - int(y)
		}
	}
	return 0
}

func digitAt(sequencer string, i int) byte {
	if i >= len(sequencer) {
		return '0'
	}
	if c := sequencer[i]; c < 'A' || c > 'Z' {
		return c
	}
	return sequencer[i] + 'a' - 'A'
}
