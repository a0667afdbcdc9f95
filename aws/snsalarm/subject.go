package snsalarm

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/internal/clip"
)

// maxSubject is one less than the 100 characters that a subject must not reach.
const maxSubject = 99

// subject is what a mail about the alarm is headed by.
func subject(alarm cqrs.Alarm) string {
	text := "[" + string(alarm.Severity) + "] " + alarm.Source
	if alarm.Source == "" {
		text += "alarm"
	}
	if alarm.Message != "" {
		text += ": " + alarm.Message
	}
	return line(text, maxSubject)
}

// line makes one line of a text, in at most limit characters: white space of any
// kind is one space, and what is not there to be read is left out, so that nobody
// can end the line early or turn it around.
func line(text string, limit int) string {
	var b strings.Builder
	space := false
	for _, r := range text {
		if unicode.IsSpace(r) {
			space = b.Len() > 0
			continue
		}
		if isUnreadable(r) {
			continue
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
	}
	return clip.Characters(b.String(), limit)
}

// isUnreadable reports whether r is a control character, directs the writing, or
// is none at all.
func isUnreadable(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\uFEFF' || r == utf8.RuneError ||
		unicode.Is(unicode.Noncharacter_Code_Point, r)
}
