package cqrstest

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// schedule says what happens to one run. Its text is
//
//	before 3, after 7               crashes at these effects of the run
//	order 1*4 2*2 pause 2, after 3  the same with interleaved workers
//
// where the order says which worker goes on to its next effect, and how often;
// before the first effect of a delivery comes its start. In a pause all stand
// still for longer than a lease.
type schedule struct {
	crashes     []crash
	interleaved bool
	workers     int
	order       []int // workers, from 0; the number of workers is a pause
}

type crash struct {
	effect int // from 1
	after  bool
}

func (c crash) String() string {
	if c.after {
		return fmt.Sprintf("after %d", c.effect)
	}
	return fmt.Sprintf("before %d", c.effect)
}

func (s schedule) String() string {
	var parts []string
	if s.interleaved {
		parts = append(parts, strings.TrimSpace("order "+s.orderText()))
	}
	for _, c := range s.crashes {
		parts = append(parts, c.String())
	}
	if len(parts) == 0 {
		return "no crash"
	}
	return strings.Join(parts, ", ")
}

func (s schedule) orderText() string {
	var turns []string
	for i := 0; i < len(s.order); {
		n := 1
		for i+n < len(s.order) && s.order[i+n] == s.order[i] {
			n++
		}
		turn := "pause"
		if s.order[i] < s.workers {
			turn = strconv.Itoa(s.order[i] + 1)
		}
		if n > 1 {
			turn += "*" + strconv.Itoa(n)
		}
		turns = append(turns, turn)
		i += n
	}
	return strings.Join(turns, " ")
}

// parseSchedule reads the text of a schedule for so many workers.
func parseSchedule(text string, workers int) (schedule, error) {
	s := schedule{workers: workers}
	if strings.TrimSpace(text) == "no crash" {
		return s, nil
	}
	for part := range strings.SplitSeq(text, ",") {
		what, rest, _ := strings.Cut(strings.TrimSpace(part), " ")
		ok := false
		switch what {
		case "order":
			s.interleaved = true
			s.order, ok = parseOrder(rest, workers)
		case "before", "after":
			effect, err := strconv.Atoi(rest)
			ok = err == nil && effect >= 1
			s.crashes = append(s.crashes, crash{effect: effect, after: what == "after"})
		}
		if !ok {
			return schedule{}, fmt.Errorf("cqrstest: %q is no schedule of %d workers; one looks like %q or %q",
				text, workers, "before 3, after 7", "order 1*4 2*2 pause 2, after 3")
		}
	}
	return s, nil
}

func parseOrder(text string, workers int) (order []int, ok bool) {
	for turn := range strings.FieldsSeq(text) {
		who, times, repeated := strings.Cut(turn, "*")
		n := 1
		if repeated {
			var err error
			if n, err = strconv.Atoi(times); err != nil || n < 1 || n > 1000 {
				return nil, false
			}
		}
		choice := workers
		if who != "pause" {
			worker, err := strconv.Atoi(who)
			if err != nil || worker < 1 || worker > workers {
				return nil, false
			}
			choice = worker - 1
		}
		order = append(order, slices.Repeat([]int{choice}, n)...)
	}
	return order, true
}
