package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/lambda-cqrs/cqrs/bench"
	"github.com/lambda-cqrs/cqrs/bench/process"
)

// way is one peer's way of doing a piece of work.
type way struct {
	name string
	// How it is started: one of the Go functions, or one of the Node ones with more
	// arguments.
	goName string
	node   []string
	// events of one invocation, 0 where none is to be handled.
	events  int
	decodes bool
}

func warm(ctx context.Context, o options, directory string) error {
	for _, work := range []struct {
		name    string
		payload []byte
		sum     int64 // of what the handlers see in one payload
		ways    []way
	}{
		{"SQS, 10 messages", bench.SQS(10), 10 * 12345, []way{
			{"this library, Mux", "mux", nil, 10, true},
			{"this library, own factory with encoding/json", "factory", nil, 10, true},
			{"Go by hand, aws-lambda-go", "sqs by hand", nil, 10, true},
			{"Node by hand", "", []string{"byhand"}, 10, true},
			{"Powertools batch", "", []string{"powertools"}, 10, true},
			{"Powertools batch with parser", "", []string{"powertools-parser"}, 10, true},
			{"reference system", "", []string{"reference"}, 10, true},
			{"JSON.parse of the payload alone", "", []string{"floor"}, 10, false},
		}},
		{"SQS, 10 messages, idempotent", bench.SQS(10), 10 * 12345, []way{
			{"this library, first run", "first", nil, 10, true},
			{"Powertools batch and idempotency, first run", "", []string{"powertools-idempotency", "forget"}, 10, true},
			{"this library, duplicates", "again", nil, 0, false},
			{"Powertools batch and idempotency, duplicates", "", []string{"powertools-idempotency"}, 0, false},
		}},
		{"DynamoDB stream, 100 records", bench.DynamoDB(100), 100 * 9900, []way{
			{"this library, Mux", "mux", nil, 100, true},
			{"this library, own factory", "factory", nil, 100, true},
			{"Go by hand, aws-lambda-go and attributevalue", "stream by hand", nil, 100, true},
			{"Node by hand", "", []string{"byhand"}, 100, true},
			{"Powertools batch", "", []string{"powertools"}, 100, true},
			{"Powertools batch with parser", "", []string{"powertools-parser"}, 100, true},
			{"reference system", "", []string{"reference"}, 100, true},
			{"JSON.parse of the payload alone", "", []string{"floor"}, 100, false},
		}},
	} {
		file := filepath.Join(directory, "payload.json")
		if err := os.WriteFile(file, work.payload, 0o600); err != nil {
			return err
		}
		results, err := takeTurns(ctx, o, work.ways, file, work.sum)
		if err != nil {
			return fmt.Errorf("%s: %w", work.name, err)
		}
		fmt.Printf("\n| %s | time | CPU | ratio: time | CPU | peak memory |\n|---|--:|--:|--:|--:|--:|\n", work.name)
		for i, r := range results {
			first := results[0]
			fmt.Printf("| %s | %s | %s | %.1f | %.1f | %.0f MB |\n", work.ways[i].name, microseconds(r.wall), microseconds(r.cpu),
				r.wall/first.wall, r.cpu/first.cpu, float64(r.memory)/1e6)
		}
	}
	return nil
}

// result is the least that one invocation took, and the most memory that its
// process had.
type result struct {
	wall, cpu float64
	memory    int64
}

func takeTurns(ctx context.Context, o options, ways []way, file string, sum int64) ([]result, error) {
	results := make([]result, len(ways))
	children := make([]*child, len(ways))
	defer func() {
		for _, c := range children {
			c.end()
		}
	}()
	for i, w := range ways {
		c, err := startChild(ctx, o, w, file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", w.name, err)
		}
		children[i] = c
		if _, err := c.turn(o.warmUp); err != nil {
			return nil, fmt.Errorf("%s: %w", w.name, err)
		}
	}
	for round := range o.rounds {
		for i, w := range ways {
			t, err := children[i].turn(o.turn)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", w.name, err)
			}
			if t.Events != t.N*w.events || (w.decodes && t.Sum != int64(t.N)*sum) {
				return nil, fmt.Errorf("%s: %d invocations handled %d events, with a sum of %d", w.name, t.N, t.Events, t.Sum)
			}
			wall, cpu := t.Wall/float64(t.N), t.CPU/float64(t.N)
			if round == 0 {
				results[i] = result{wall: wall, cpu: cpu}
				continue
			}
			results[i].wall, results[i].cpu = min(results[i].wall, wall), min(results[i].cpu, cpu)
		}
	}
	for i, c := range children {
		memory, err := process.PeakMemory(c.command.Process.Pid)
		if err != nil {
			return nil, err
		}
		results[i].memory = memory
	}
	return results, nil
}

// turnPrefix begins the lines that are a worker's own: frameworks write others.
const turnPrefix = "turn: "

// child is a worker in a process of its own.
type child struct {
	command *exec.Cmd
	in      io.WriteCloser
	out     *bufio.Reader
}

func startChild(ctx context.Context, o options, w way, file string) (*child, error) {
	var command *exec.Cmd
	if w.goName != "" {
		program, err := os.Executable()
		if err != nil {
			return nil, err
		}
		command = exec.CommandContext(ctx, program, "-worker", w.goName, "-payload", file) //nolint:gosec // this program
	} else {
		arguments := slices.Concat([]string{"worker.mjs", w.node[0], file}, w.node[1:])
		command = exec.CommandContext(ctx, "node", arguments...) //nolint:gosec // of run.sh
		command.Dir = filepath.Join(o.node, "node")
	}
	command.Stderr = os.Stderr
	in, err := command.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := command.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := command.Start(); err != nil {
		return nil, err
	}
	return &child{command: command, in: in, out: bufio.NewReader(out)}, nil
}

func (c *child) turn(d time.Duration) (t turn, err error) {
	if _, err := fmt.Fprintln(c.in, d.Milliseconds()); err != nil {
		return t, err
	}
	for {
		line, err := c.out.ReadBytes('\n')
		if err != nil {
			return t, errors.Join(errors.New("the worker has ended"), err)
		}
		if text, found := bytes.CutPrefix(line, []byte(turnPrefix)); found {
			return t, json.Unmarshal(text, &t)
		}
	}
}

func (c *child) end() {
	if c == nil {
		return
	}
	_ = c.in.Close()
	_ = c.command.Process.Kill()
	_ = c.command.Wait()
}

func microseconds(ns float64) string { return fmt.Sprintf("%.0f µs", ns/1e3) }
