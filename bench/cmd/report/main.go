// Command report prints the comparison as a Markdown table. All ways of doing a
// piece of work run in turns, many times, in one process; what is shown is the
// least that each of them took, since whatever else the machine does can only
// add to it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"runtime"
	"strings"
	"time"

	"github.com/lambda-cqrs/cqrs/bench"
)

func main() {
	rounds := flag.Int("rounds", 40, "how often each way has its turn")
	turn := flag.Duration("turn", 20*time.Millisecond, "how long a turn is at least")
	cold := flag.Bool("cold", true, "start processes, too")
	only := flag.String("only", "", "the case to run, by a part of its name")
	flag.Parse()
	if err := report(context.Background(), *rounds, *turn, *cold, *only); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func report(ctx context.Context, rounds int, turn time.Duration, cold bool, only string) error {
	fmt.Printf("%s, %s/%s, %d CPUs\n", runtime.Version(), runtime.GOOS, runtime.GOARCH, runtime.NumCPU())
	for _, name := range bench.Names() {
		if !strings.Contains(name, only) {
			continue
		}
		c := bench.New(name)
		results, err := measure(c, rounds, turn)
		if err != nil {
			return err
		}
		fmt.Printf("\n| %s | time | CPU | allocations | ratio: time | CPU | allocations | target |\n"+
			"|---|--:|--:|--:|--:|--:|--:|---|\n", c.Name)
		for i, r := range results {
			w, first := c.Ways[i], results[0]
			if c.Name == bench.CaseGrowth && i >= len(results)/2 {
				first = results[len(results)/2]
			}
			per := float64(w.Per)
			base := float64(c.Ways[0].Per)
			fmt.Printf("| %s | %s | %s | %.1f | %.3f | %.3f | %.4f | %s |\n", w.Name,
				duration(r.wall), duration(r.cpu), r.allocations,
				r.wall/per/(first.wall/base), r.cpu/per/(first.cpu/base), r.allocations/per/(first.allocations/base), target(w))
		}
		if c.Name == bench.CaseDispatch {
			per := float64(c.Ways[1].Per)
			fmt.Printf("\nA delivery through 5 middlewares takes %.1f ns and %.2f allocations; without them it takes %.1f ns.\n",
				results[1].wall/per, results[1].allocations/per, results[0].wall/per)
		}
	}
	if !cold {
		return nil
	}
	return coldStarts(ctx, rounds)
}

func target(w bench.Way) string {
	switch {
	case w.Time == 0:
		return ""
	case w.Allocations == 0:
		return fmt.Sprintf("%.2f", w.Time)
	}
	return fmt.Sprintf("%.2f, %.3f", w.Time, w.Allocations)
}

func duration(ns float64) string {
	switch {
	case ns < 1e4:
		return fmt.Sprintf("%.0f ns", ns)
	case ns < 1e7:
		return fmt.Sprintf("%.1f µs", ns/1e3)
	default:
		return fmt.Sprintf("%.1f ms", ns/1e6)
	}
}
