package eventbridge

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/lambda-cqrs/cqrs/internal/runtimeapi"
	"github.com/lambda-cqrs/cqrs/local/internal/clock"
)

var (
	rateExpression = regexp.MustCompile(`^rate\((\d+) (minute|minutes|hour|hours|day|days)\)$`)
	cronExpression = regexp.MustCompile(`^cron\((.+)\)$`)
)

// schedule starts the rule's schedule, if it has one. It is called while mu is
// held.
func (s *Server) schedule(r *rule) error {
	expression := r.settings.ScheduleExpression
	if expression == "" {
		return nil
	}
	next, err := parseSchedule(expression)
	if err != nil {
		return invalid("Parameter ScheduleExpression is not valid: %v", err)
	}
	ctx, cancel := context.WithCancel(s.options.Tasks.Context())
	r.stop = cancel
	s.options.Tasks.Go(func(context.Context) { s.runSchedule(ctx, r, next) })
	return nil
}

func (s *Server) runSchedule(ctx context.Context, r *rule, next func(time.Time) time.Time) {
	for at := next(s.options.Clock.Now()); !at.IsZero(); at = next(at) {
		if clock.Sleep(ctx, s.options.Clock, at.Sub(s.options.Clock.Now())) != nil {
			return
		}
		s.mu.Lock()
		enabled, targets := r.settings.State == "ENABLED", r.targets
		s.mu.Unlock()
		if enabled {
			event := Event{"aws.events", "Scheduled Event", at, []string{r.arn}, json.RawMessage("{}")}
			s.send(ctx, r, targets, s.document(runtimeapi.NewRequestID(), event))
		}
	}
}

// parseSchedule returns when an expression falls due after a time; zero is
// never. See
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
func parseSchedule(expression string) (next func(time.Time) time.Time, err error) {
	if parts := rateExpression.FindStringSubmatch(expression); parts != nil {
		count, err := strconv.Atoi(parts[1])
		if err != nil || count < 1 || (count == 1) == strings.HasSuffix(parts[2], "s") {
			return nil, fmt.Errorf("%s: the value is positive, and its unit in the singular for 1 only", expression)
		}
		unit := map[string]time.Duration{"minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour}[strings.TrimSuffix(parts[2], "s")]
		return func(t time.Time) time.Time { return t.Add(time.Duration(count) * unit) }, nil
	}
	if parts := cronExpression.FindStringSubmatch(expression); parts != nil {
		return parseCron(parts[1])
	}
	return nil, fmt.Errorf("%s is neither rate(…) nor cron(…)", expression)
}
