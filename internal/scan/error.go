package scan

import "fmt"

// SyntaxError says where and why a text is not JSON, or not the JSON that was
// asked for. It never quotes the text.
type SyntaxError struct {
	Offset int // in bytes from the start of the text
	Reason string

	TooDeep bool // the text may be JSON, but nests deeper than the scanner's limit
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("invalid JSON at byte %d: %s", e.Offset, e.Reason)
}
