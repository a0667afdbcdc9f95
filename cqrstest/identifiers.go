package cqrstest

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// newID is a random UUID, as SQS, SNS and EventBridge use them.
func newID() string {
	b := randomBytes(16)
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails
	return b
}

func randomHex(n int) string { return hex.EncodeToString(randomBytes(n)) }

// sequence hands out rising numbers of at least so many digits. A sequence begins
// above the earlier ones, as far as time has passed between them.
type sequence struct {
	next   *big.Int
	digits int
}

func newSequence(digits int) *sequence {
	nanos := time.Now().UnixNano()
	start := new(big.Int).SetInt64(nanos)
	start.Mul(start, big.NewInt(1e9))
	spread := new(big.Int).SetBytes(randomBytes(3)) // below 1e9, with room for a batch
	start.Add(start, spread.Mul(spread, big.NewInt(50)))
	return &sequence{next: start, digits: digits}
}

func (s *sequence) String() string {
	s.next.Add(s.next, big.NewInt(1))
	number := s.next.String()
	if missing := s.digits - len(number) - 1; missing >= 0 {
		number = "4" + strings.Repeat("0", missing) + number
	}
	return number
}

// hex is the number as a sequencer of S3.
func (s *sequence) hex() string {
	s.next.Add(s.next, big.NewInt(1))
	return "00" + strings.ToUpper(s.next.Text(16))
}

// seconds is a time as DynamoDB Streams and Kinesis send it.
func seconds(t time.Time) float64 { return float64(t.UnixMilli()) / 1000 }

// millis is a time as SQS sends it.
func millis(t time.Time) string { return strconv.FormatInt(t.UnixMilli(), 10) }

// iso is a time as SNS, S3 and the state machines send it.
func iso(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
