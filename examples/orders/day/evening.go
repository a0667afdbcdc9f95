package day

import (
	"context"
	"fmt"
	"strings"
	"time"
)

// finding is one line of the evening's account.
type finding struct {
	what    string
	detail  string
	problem string // empty where all is well
}

// evening takes stock: once all that is under way has ended, and once more after a
// while in which nothing happened, so that what comes too late or twice is seen.
func (w *world) evening(ctx context.Context) (state *State, findings []finding) {
	const calm = 5 * time.Minute // of the day
	began := time.Now()
	for {
		state, findings = w.stock(ctx)
		if healthy(findings) || time.Since(began) > patience || ctx.Err() != nil {
			break
		}
		w.step(5 * time.Second)
		if sleep(ctx, look) != nil {
			break
		}
	}
	if !healthy(findings) {
		return state, findings
	}
	if err := w.until(ctx, w.clock.Now().Add(calm), true); err != nil {
		return state, append(findings, finding{what: "the evening", problem: err.Error()})
	}
	return w.stock(ctx)
}

func healthy(findings []finding) bool {
	for _, f := range findings {
		if f.problem != "" {
			return false
		}
	}
	return true
}

// stock compares everything that follows the commands with the commands.
func (w *world) stock(ctx context.Context) (*State, []finding) {
	state := &State{}
	var findings []finding
	for _, check := range []struct {
		what string
		run  func(ctx context.Context, s *State) (detail string, err error)
	}{
		{"commands", w.checkCommands},
		{"data tables", w.checkData},
		{"SQL", w.checkSQL},
		{"search index", w.checkSearch},
		{"analytics files", w.checkAnalytics},
		{"parked", w.checkParked},
		{"stock reserved", w.checkReservations},
		{"payments", w.checkPayments},
		{"workflows", w.checkWorkflows},
		{"mails", w.checkMails},
		{"systems that follow", w.checkExternal},
		{"uploads", w.checkUploads},
		{"failures", w.checkFailures},
		{"queues", w.checkQueues},
		{"alarms", w.checkAlarms},
	} {
		f := finding{what: check.what}
		detail, err := check.run(ctx, state)
		f.detail = detail
		if err != nil {
			f.problem = err.Error()
		}
		findings = append(findings, f)
	}
	return state, findings
}

// report shows the account.
func (w *world) report(findings []finding) {
	var t strings.Builder
	t.WriteString("\nThe evening's account\n" + strings.Repeat("─", ruler) + "\n")
	for _, f := range findings {
		mark, text := "✓", f.detail
		if f.problem != "" {
			mark, text = "✗", f.problem
		}
		fmt.Fprintf(&t, "%s %-20s %s\n", mark, f.what, strings.ReplaceAll(text, "\n", "\n"+strings.Repeat(" ", 23)))
	}
	verdict := "Nothing was lost, and nothing was applied twice."
	if !healthy(findings) {
		verdict = "Something was lost or applied twice: see ✗."
	}
	fmt.Fprintf(&t, "%s\n%s\n", strings.Repeat("─", ruler), verdict)
	w.board.write(t.String())
}
