// Package clip shortens texts to what AWS takes, never in the middle of a
// character.
package clip

import "unicode/utf8"

const more = "…"

// Characters returns text with at most limit characters, of which the last is …
// where something was cut off, and with � for whatever is not UTF-8. A character
// outside of the basic plane counts as two, as it does where AWS counts UTF-16.
func Characters(text string, limit int) string {
	return cut(text, limit, 1, func(r rune) int {
		if r > 0xFFFF {
			return 2
		}
		return 1
	})
}

// Bytes is [Characters] for a limit in bytes of UTF-8.
func Bytes(text string, limit int) string {
	return cut(text, limit, len(more), utf8.RuneLen)
}

func cut(text string, limit, moreWidth int, width func(rune) int) string {
	valid := make([]byte, 0, min(len(text), 4*max(limit, 0)))
	used, end := 0, 0 // end: of what still leaves room for …
	for _, r := range text {
		w := width(r)
		if used+w > limit {
			if limit < moreWidth {
				return ""
			}
			return string(valid[:end]) + more
		}
		used += w
		valid = utf8.AppendRune(valid, r)
		if used+moreWidth <= limit {
			end = len(valid)
		}
	}
	return string(valid)
}
