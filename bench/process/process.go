// Package process tells what a process has used, and what a cold start takes.
package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/lambda-cqrs/cqrs/internal/runtimeapi"
)

// Start is what one cold start took.
type Start struct {
	Wall, CPU time.Duration
	Memory    int64 // at the peak, in bytes
}

// Least is the least of each.
func (s Start) Least(other Start) Start {
	return Start{min(s.Wall, other.Wall), min(s.CPU, other.CPU), min(s.Memory, other.Memory)}
}

// ColdStart runs a function in a process of its own on the Runtime API, from its
// start to its first response.
func ColdStart(ctx context.Context, payload []byte, command ...string) (s Start, err error) {
	api, err := runtimeapi.New("bench")
	if err != nil {
		return s, err
	}
	defer func() { _ = api.Close() }()
	program := exec.CommandContext(ctx, command[0], command[1:]...) //nolint:gosec // the caller's own
	begin := time.Now()
	running, err := api.Start(program)
	if err != nil {
		return s, err
	}
	response, err := api.Invoke(ctx, payload)
	if err != nil {
		return s, fmt.Errorf("%w: %.500s", err, running.Stderr())
	}
	s.Wall = time.Since(begin)
	if response.Error != nil {
		return s, response.Error
	}
	if s.Memory, err = PeakMemory(program.Process.Pid); err != nil {
		return s, err
	}
	state := running.Terminate()
	s.CPU = state.UserTime() + state.SystemTime()
	return s, nil
}

// PeakMemory is the largest resident set of a running process so far. Its
// resource usage would not do: that counts what its parent had when it was
// started.
func PeakMemory(pid int) (int64, error) {
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

// CPUTime is what this process has used so far.
func CPUTime() time.Duration {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		panic(err) // it takes no argument that could be wrong
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}
