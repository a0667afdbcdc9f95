package day

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	ruler     = 76
	newestOf  = 3                      // alarms that the live table shows
	refreshed = 100 * time.Millisecond // on a terminal
)

// board shows the day. What has happened is written once and stays; below it, on a
// terminal, is a table that changes. It is safe for parallel use.
type board struct {
	journal *journal
	alarms  *alarmList
	live    bool

	mu     sync.Mutex
	out    io.Writer
	height int // lines of the table that stand on the screen
	now    string
	done   int
	acts   int
}

func newBoard(out io.Writer, acts int, j *journal, a *alarmList) *board {
	return &board{out: out, acts: acts, journal: j, alarms: a, live: isTerminal(out)}
}

func isTerminal(out io.Writer) bool {
	file, ok := out.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && os.Getenv("TERM") != "dumb"
}

// run draws the table again and again until stop is closed.
func (b *board) run(stop <-chan struct{}) {
	if !b.live {
		<-stop
		return
	}
	tick := time.NewTicker(refreshed)
	defer tick.Stop()
	for {
		select {
		case <-stop:
			return
		case <-tick.C:
			b.write("")
		}
	}
}

// act begins an act.
func (b *board) act(at time.Time, title string) {
	b.mu.Lock()
	b.now = at.Format("15:04") + "  " + title
	b.mu.Unlock()
	b.write(fmt.Sprintf("\n%s  %s\n", at.Format("15:04"), title))
}

// end ends an act.
func (b *board) end() {
	b.mu.Lock()
	b.done++
	b.mu.Unlock()
}

// notef says what has come of an act.
func (b *board) notef(format string, arguments ...any) {
	b.write("       " + fmt.Sprintf(format, arguments...) + "\n")
}

// write puts text above the table.
func (b *board) write(text string) {
	counts, newest := b.journal.counts(), b.alarms.newest(newestOf)
	b.mu.Lock()
	defer b.mu.Unlock()
	var screen bytes.Buffer
	if b.height > 0 {
		fmt.Fprintf(&screen, "\x1b[%dA\x1b[J", b.height)
	}
	screen.WriteString(text)
	if b.live {
		table := b.table(counts, newest)
		b.height = strings.Count(table, "\n")
		screen.WriteString(table)
	}
	_, _ = b.out.Write(screen.Bytes()) // whoever closed the terminal does not look
}

// finish takes the table away and writes the counts for good.
func (b *board) finish() {
	b.mu.Lock()
	b.live = false
	b.mu.Unlock()
	var text strings.Builder
	writeCounts(&text, b.journal.counts())
	b.write("\n" + text.String())
}

// table is what stands below the acts while they go on.
func (b *board) table(counts []count, newest []alarm) string {
	var t strings.Builder
	filled := 0
	if b.acts > 0 {
		filled = 20 * b.done / b.acts
	}
	fmt.Fprintf(&t, "\n%s%s  %d of %d acts\n", strings.Repeat("█", filled), strings.Repeat("░", 20-filled), b.done, b.acts)
	writeCounts(&t, counts)
	for _, a := range newest {
		fmt.Fprintf(&t, "! %s\n", clip(a.String(), ruler))
	}
	return t.String()
}

// writeCounts writes two routes a line.
func writeCounts(t *strings.Builder, counts []count) {
	const head = "%-26s%5s%5s%5s"
	line := fmt.Sprintf(head, "route", "ok", "skip", "fail")
	fmt.Fprintf(t, "%s   %s\n%s\n", line, line, strings.Repeat("─", 2*len(line)+3))
	half := (len(counts) + 1) / 2
	for i := range half {
		t.WriteString(countText(counts[i]))
		if right := i + half; right < len(counts) {
			t.WriteString("   " + countText(counts[right]))
		}
		t.WriteString("\n")
	}
}

func countText(c count) string {
	number := func(n int) string {
		if n == 0 {
			return "·"
		}
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%-26s%5s%5s%5s", clip(c.route, 25), number(c.handled), number(c.skipped), number(c.failed))
}

// clip cuts text to a width of n characters.
func clip(text string, n int) string {
	if runes := []rune(text); len(runes) > n {
		return string(runes[:n-1]) + "…"
	}
	return text
}
