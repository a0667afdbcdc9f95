package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/lambda-cqrs/cqrs/bench"
	"github.com/lambda-cqrs/cqrs/bench/function"
	"github.com/lambda-cqrs/cqrs/internal/runtimeapi"
)

// start is the least that one cold start took.
type start struct {
	size, memory int64 // of the binary and at the peak, in bytes
	wall, cpu    time.Duration
}

// coldStarts starts the two functions in turns, each in a process of its own on
// the Runtime API, and prints what it took to the first response.
func coldStarts(ctx context.Context, rounds int) error {
	directory, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(directory) }()
	names := []string{function.Bare, function.Library}
	paths, best := make([]string, len(names)), make([]start, len(names))
	for i, name := range names {
		if paths[i], err = function.Build(ctx, name, directory); err != nil {
			return err
		}
	}
	for round := range rounds {
		for i, path := range paths {
			s, err := coldStart(ctx, path)
			if err != nil {
				return fmt.Errorf("%s: %w", names[i], err)
			}
			if round == 0 {
				best[i] = s
				continue
			}
			best[i].wall = min(best[i].wall, s.wall)
			best[i].cpu = min(best[i].cpu, s.cpu)
			best[i].memory = min(best[i].memory, s.memory)
		}
	}
	fmt.Printf("\n| cold start | exec to first response | CPU | peak memory | binary | ratio: time | CPU | memory | binary |\n" +
		"|---|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for i, s := range best {
		bare := best[0]
		fmt.Printf("| %s | %s | %s | %.1f MB | %.2f MB | %.3f | %.3f | %.3f | %.3f |\n", names[i],
			duration(float64(s.wall)), duration(float64(s.cpu)), float64(s.memory)/1e6, float64(s.size)/1e6,
			ratio(s.wall, bare.wall), ratio(s.cpu, bare.cpu), ratio(s.memory, bare.memory), ratio(s.size, bare.size))
	}
	fmt.Println("\nTargets: time 1.05, memory 1.20, binary 1.20.")
	return nil
}

func ratio[N ~int64](a, b N) float64 { return float64(a) / float64(b) }

// coldStart measures one process from its start to its first response.
func coldStart(ctx context.Context, path string) (s start, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return s, err
	}
	api, err := runtimeapi.New("bench")
	if err != nil {
		return s, err
	}
	defer func() { _ = api.Close() }()
	payload := bench.SQS(1)
	begin := time.Now()
	command := exec.CommandContext(ctx, path)
	process, err := api.Start(command)
	if err != nil {
		return s, err
	}
	response, err := api.Invoke(ctx, payload)
	if err != nil {
		return s, err
	}
	s.wall = time.Since(begin)
	if response.Error != nil {
		return s, response.Error
	}
	s.size = info.Size()
	if s.memory, err = peakMemory(command.Process.Pid); err != nil {
		return s, err
	}
	state := process.Terminate()
	s.cpu = state.UserTime() + state.SystemTime()
	return s, nil
}

// peakMemory is the largest resident set of a running process so far. Its
// resource usage would not do: that counts what its parent had when it was
// started.
func peakMemory(pid int) (int64, error) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(status)) {
		var kilobytes int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kilobytes); n == 1 {
			return kilobytes << 10, nil
		}
	}
	return 0, errors.New("the status of the process has no VmHWM")
}
