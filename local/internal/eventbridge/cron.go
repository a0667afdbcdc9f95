package eventbridge

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// cron is an expression of six fields, in UTC.
type cron struct {
	minutes, hours, days, months, weekdays, years map[int]bool // nil days or weekdays: the field is ?
}

func parseCron(expression string) (func(time.Time) time.Time, error) {
	fields := strings.Fields(expression)
	if len(fields) != 6 {
		return nil, fmt.Errorf("cron(%s) has %d fields, not 6", expression, len(fields))
	}
	if (fields[2] == "?") == (fields[4] == "?") {
		return nil, fmt.Errorf("cron(%s): exactly one of day-of-month and day-of-week is ?", expression)
	}
	c := &cron{}
	for i, field := range []struct {
		set      *map[int]bool
		min, max int
		names    string
	}{
		{&c.minutes, 0, 59, ""},
		{&c.hours, 0, 23, ""},
		{&c.days, 1, 31, ""},
		{&c.months, 1, 12, "JAN FEB MAR APR MAY JUN JUL AUG SEP OCT NOV DEC"},
		{&c.weekdays, 1, 7, "SUN MON TUE WED THU FRI SAT"},
		{&c.years, 1970, 2199, ""},
	} {
		if fields[i] == "?" && (i == 2 || i == 4) {
			continue
		}
		set, err := parseField(fields[i], field.min, field.max, strings.Fields(field.names))
		if err != nil {
			return nil, fmt.Errorf("cron(%s): %w", expression, err)
		}
		*field.set = set
	}
	return c.next, nil
}

// parseField reads lists of values, ranges and steps. L, W and # are refused.
func parseField(field string, lowest, highest int, names []string) (map[int]bool, error) {
	value := func(text string) (int, error) {
		for i, name := range names {
			if strings.EqualFold(text, name) {
				return i + 1, nil
			}
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < lowest || n > highest {
			return 0, fmt.Errorf("%q is not between %d and %d, or not supported by the local runtime", text, lowest, highest)
		}
		return n, nil
	}
	set := make(map[int]bool)
	for part := range strings.SplitSeq(field, ",") {
		span, stepText, stepped := strings.Cut(part, "/")
		step := 1
		if stepped {
			var err error
			if step, err = strconv.Atoi(stepText); err != nil || step < 1 {
				return nil, fmt.Errorf("%q is no step", stepText)
			}
		}
		from, to := lowest, highest
		if span != "*" {
			first, last, isRange := strings.Cut(span, "-")
			var err error
			if from, err = value(first); err != nil {
				return nil, err
			}
			switch {
			case isRange:
				if to, err = value(last); err != nil {
					return nil, err
				}
			case !stepped:
				to = from
			}
		}
		for n := from; n <= to; n += step {
			set[n] = true
		}
	}
	return set, nil
}

// next is the first minute after t that the expression names, and zero where
// there is none.
func (c *cron) next(t time.Time) time.Time {
	t = t.UTC().Truncate(time.Minute).Add(time.Minute)
	for t.Year() <= 2199 {
		switch {
		case !c.years[t.Year()]:
			t = time.Date(t.Year()+1, 1, 1, 0, 0, 0, 0, time.UTC)
		case !c.months[int(t.Month())]:
			t = time.Date(t.Year(), t.Month()+1, 1, 0, 0, 0, 0, time.UTC)
		case c.days != nil && !c.days[t.Day()] || c.weekdays != nil && !c.weekdays[int(t.Weekday())+1]:
			t = time.Date(t.Year(), t.Month(), t.Day()+1, 0, 0, 0, 0, time.UTC)
		case !c.hours[t.Hour()]:
			t = t.Truncate(time.Hour).Add(time.Hour)
		case !c.minutes[t.Minute()]:
			t = t.Add(time.Minute)
		default:
			return t
		}
	}
	return time.Time{}
}
