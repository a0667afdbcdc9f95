package command

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/lambda-cqrs/cqrs"
)

// Counter is an atomic counter for each key.
type Counter interface {
	// Next adds one and returns the result; the first is 1. A number is given out at
	// most once. One whose answer was lost is given to nobody, so there may be gaps.
	Next(ctx context.Context, key cqrs.Key) (int64, error)
}

type memoryCounter struct {
	mu   sync.Mutex
	last map[cqrs.Key]int64
}

// NewMemoryCounter returns a Counter that starts from 1 with each process: for
// tests, and to try things out.
func NewMemoryCounter() Counter { return &memoryCounter{last: map[cqrs.Key]int64{}} }

// Next counts.
func (c *memoryCounter) Next(ctx context.Context, key cqrs.Key) (int64, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	c.last[key]++
	return c.last[key], nil
}

// Rotation is when a sequence starts again from 1.
type Rotation string

// The rotations.
const (
	RotateNever    Rotation = "none"
	RotateYearly   Rotation = "yearly"
	RotateMonthly  Rotation = "monthly"
	RotateDaily    Rotation = "daily"
	RotateFiscally Rotation = "fiscal_yearly"
)

// Sequence gives out numbers of one kind: unique within tenant, codes and
// rotation, ascending, and possibly with gaps. The rows have the keys of the
// reference system: SEQ#tenant, type[#code1…5]#rotation.
type Sequence struct {
	Counter  Counter        // required
	Type     string         // required; what is counted, such as "invoice"
	Rotation Rotation       // default RotateNever
	Location *time.Location // that a day begins in; default UTC
	// FiscalStart is the month that a fiscal year begins with; default April.
	FiscalStart time.Month
	// Format has placeholders between %%: no, year, month, day, fiscalYear, and
	// code1 to code5. A width pads: %%no#:0>5%% is at least 5 wide, with zeros to
	// the left. Default "%%no%%".
	Format string
}

// Number is one number of a sequence.
type Number struct {
	No        int64
	Formatted string
	IssuedAt  time.Time
}

// Next gives out the next number for a tenant and at most five codes, at the
// present time.
func (s Sequence) Next(ctx context.Context, tenant string, codes ...string) (Number, error) {
	if s.Counter == nil {
		return Number{}, errors.New("command: a Sequence needs a Counter")
	}
	if len(codes) > 5 {
		return Number{}, fmt.Errorf("command: a sequence has at most 5 codes, not %d", len(codes))
	}
	if own, ok := TenantFrom(ctx); ok && own != tenant {
		return Number{}, foreign("the context is confined to another tenant")
	}
	location := s.Location
	if location == nil {
		location = time.UTC
	}
	at := time.Now().In(location)
	rotation, err := s.rotation(at)
	if err != nil {
		return Number{}, err
	}
	parts := append(append([]string{s.Type}, codes...), rotation)
	key, err := NewKey("SEQ", tenant, parts...)
	if err != nil {
		return Number{}, err
	}
	// The format is tried before the number is spent.
	if _, err := s.format(0, at, codes); err != nil {
		return Number{}, err
	}
	no, err := s.Counter.Next(ctx, key)
	if err != nil {
		return Number{}, err
	}
	formatted, err := s.format(no, at, codes)
	return Number{No: no, Formatted: formatted, IssuedAt: at}, err
}

func (s Sequence) rotation(at time.Time) (string, error) {
	switch s.Rotation {
	case "", RotateNever:
		return string(RotateNever), nil
	case RotateYearly:
		return at.Format("2006"), nil
	case RotateMonthly:
		return at.Format("200601"), nil
	case RotateDaily:
		return at.Format("20060102"), nil
	case RotateFiscally:
		return s.fiscalYear(at), nil
	default:
		return "", fmt.Errorf("command: there is no rotation %q", s.Rotation)
	}
}

func (s Sequence) fiscalYear(at time.Time) string {
	start := s.FiscalStart
	if start == 0 {
		start = time.April
	}
	year := at.Year()
	if at.Month() < start {
		year--
	}
	return strconv.Itoa(year)
}

const placeholder = "%%"

func (s Sequence) format(no int64, at time.Time, codes []string) (string, error) {
	format := s.Format
	if format == "" {
		format = "%%no%%"
	}
	var b strings.Builder
	for {
		text, rest, found := strings.Cut(format, placeholder)
		b.WriteString(text)
		if !found {
			return b.String(), nil
		}
		name, after, found := strings.Cut(rest, placeholder)
		if !found {
			return "", fmt.Errorf("command: format %q has a %%%% without its end", s.Format)
		}
		name, pad, _ := strings.Cut(name, "#:")
		value, err := s.value(name, no, at, codes)
		if err == nil {
			value, err = padLeft(value, pad)
		}
		if err != nil {
			return "", fmt.Errorf("command: format %q: %w", s.Format, err)
		}
		b.WriteString(value)
		format = after
	}
}

func (s Sequence) value(name string, no int64, at time.Time, codes []string) (string, error) {
	switch name {
	case "no":
		return strconv.FormatInt(no, 10), nil
	case "year":
		return at.Format("2006"), nil
	case "month":
		return at.Format("01"), nil
	case "day":
		return at.Format("02"), nil
	case "fiscalYear", "fiscal_year":
		return s.fiscalYear(at), nil
	}
	if number, ok := strings.CutPrefix(name, "code"); ok {
		if n, err := strconv.Atoi(number); err == nil && n >= 1 && n <= len(codes) {
			return codes[n-1], nil
		}
	}
	return "", fmt.Errorf("no value for %q", name)
}

// padLeft takes a padding such as 0>5: the character, and the least width.
func padLeft(value, padding string) (string, error) {
	if padding == "" {
		return value, nil
	}
	character, width, ok := strings.Cut(padding, ">")
	n, err := strconv.Atoi(width)
	if !ok || err != nil || len(character) != 1 || n < 1 || n > 100 {
		return "", fmt.Errorf("a padding is a character, > and a width up to 100, not %q", padding)
	}
	return strings.Repeat(character, max(n-len(value), 0)) + value, nil
}
