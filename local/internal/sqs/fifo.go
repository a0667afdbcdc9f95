package sqs

import (
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"time"

	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// deduplicationInterval is AWS's.
const deduplicationInterval = 5 * time.Minute

var fifoID = regexp.MustCompile("^[A-Za-z0-9!-/:-@\\[-`{-~]{1,128}$")

// duplicate is a message that was sent, whether or not it is still in the queue.
type duplicate struct {
	id, sequence string
	until        time.Time
}

// identify checks what a message for a FIFO queue must have, and completes it.
func (q *queue) identify(m *message, deduplication string) error {
	if m.group == "" {
		return wire.Invalid("MissingParameter", "The request must contain the parameter MessageGroupId.")
	}
	if deduplication == "" {
		if q.attribute("ContentBasedDeduplication") != "true" {
			return badValue("The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly")
		}
		sum := sha256.Sum256([]byte(m.body))
		deduplication = hex.EncodeToString(sum[:])
	}
	if !fifoID.MatchString(m.group) || !fifoID.MatchString(deduplication) {
		return badValue("MessageGroupId and MessageDeduplicationId are 1 to 128 alphanumeric or punctuation characters.")
	}
	m.deduplication = deduplication
	return nil
}

func (q *queue) deduplicationKey(m *message) string {
	if q.attribute("DeduplicationScope") == "messageGroup" {
		return m.group + "\x00" + m.deduplication
	}
	return m.deduplication
}

func (q *queue) duplicate(m *message, now time.Time) (duplicate, bool) {
	earlier, ok := q.duplicates[q.deduplicationKey(m)]
	return earlier, ok && now.Before(earlier.until)
}

func (q *queue) remember(m *message, now time.Time) {
	for key, earlier := range q.duplicates {
		if !now.Before(earlier.until) {
			delete(q.duplicates, key)
		}
	}
	q.duplicates[q.deduplicationKey(m)] = duplicate{id: m.id, sequence: m.sequence, until: now.Add(deduplicationInterval)}
}
