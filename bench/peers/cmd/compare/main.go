// Command compare prints how this library and its peers do the same work, as
// Markdown tables. run.sh installs the peers and starts it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"time"
)

type options struct {
	node         string // where the Node functions are installed and bundled
	rounds       int
	turn, warmUp time.Duration
	only         string
}

func main() {
	var o options
	flag.StringVar(&o.node, "node", "", "the directory that run.sh has installed the Node functions into")
	flag.IntVar(&o.rounds, "rounds", 20, "how often each peer has its turn")
	flag.DurationVar(&o.turn, "turn", 250*time.Millisecond, "how long a turn is at least")
	flag.DurationVar(&o.warmUp, "warm", 3*time.Second, "how long each peer runs before its first turn")
	flag.StringVar(&o.only, "only", "", "warm, cold or scenarios")
	work := flag.String("worker", "", "take turns as this one of the Go functions, by standard input")
	payload := flag.String("payload", "", "the file with the worker's payload")
	flag.Parse()
	ctx := context.Background()
	var err error
	if *work != "" {
		err = worker(ctx, *work, *payload)
	} else {
		err = compare(ctx, o)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func compare(ctx context.Context, o options) error {
	version, err := exec.CommandContext(ctx, "node", "--version").Output()
	if err != nil {
		return fmt.Errorf("node: %w", err)
	}
	directory, err := os.MkdirTemp("", "peers")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(directory) }()
	fmt.Printf("%s, Node %s, %s/%s, %d CPUs, %s\n", runtime.Version(), strings.TrimSpace(string(version)),
		runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), time.Now().Format("2006-01-02"))
	for _, part := range []struct {
		name string
		run  func(context.Context, options, string) error
	}{{"warm", warm}, {"cold", cold}, {"scenarios", scenarios}} {
		if o.only != "" && o.only != part.name {
			continue
		}
		if err := part.run(ctx, o, directory); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	return nil
}
