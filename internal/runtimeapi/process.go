package runtimeapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"syscall"
	"time"
)

const stderrLimit = 64 << 10

var errProcessRuns = errors.New("runtime API: the function's process is still running; terminate it before starting another")

// Process is the function's process. Its methods may be called in parallel.
type Process struct {
	api     *Server
	sandbox *sandbox
	command *exec.Cmd
	stderr  tail
	started chan struct{} // closed when command.Start has returned
	exited  chan struct{}
}

// Self is the command that starts the running program once more. It is killed
// when ctx ends.
func Self(ctx context.Context, arguments ...string) (*exec.Cmd, error) {
	program, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("runtime API: the running program does not know its own path: %w", err)
	}
	return exec.CommandContext(ctx, program, arguments...), nil //nolint:gosec // the caller chooses its own arguments
}

// Start runs the command as the function. [Server.Environment] is added to
// the command's environment, and the end of what it writes to its standard
// error is kept besides going where the command sends it. One process runs at a
// time; when it has ended, another may be started.
//
// On Linux the process is killed when this one dies, however that comes about.
func (r *Server) Start(command *exec.Cmd) (*Process, error) {
	p := &Process{api: r, command: command, started: make(chan struct{}), exited: make(chan struct{})}
	p.sandbox = newSandbox(p)
	if err := r.enterSandbox(p.sandbox); err != nil {
		return nil, err
	}
	command.Env = append(command.Environ(), r.Environment()...)
	command.Stderr = p.stderr.besides(command.Stderr)
	command.WaitDelay = defaultGrace // for what its own children hold open
	dieWithParent(command)

	result := make(chan error, 1)
	go p.run(result)
	if err := <-result; err != nil {
		return nil, fmt.Errorf("runtime API: the function's process did not start: %w", err)
	}
	return p, nil
}

// run is the process's life. The thread that starts it must outlive it: Linux
// takes the death of that thread for the death of the parent.
func (p *Process) run(result chan<- error) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(p.exited)
	err := p.command.Start()
	close(p.started)
	result <- err
	if err != nil {
		p.api.endSandbox(p.sandbox, func(id string) Response {
			return failed(id, "Runtime.InvalidEntrypoint", fmt.Sprintf("RequestId: %s Error: %v", id, err))
		})
		return
	}
	_ = p.command.Wait() // told by the ProcessState
	state := p.command.ProcessState
	p.api.endSandbox(p.sandbox, func(id string) Response { return exited(id, state) })
}

// Wait returns how the process ended, once it has. The error is that of ctx.
func (p *Process) Wait(ctx context.Context) (*os.ProcessState, error) {
	select {
	case <-p.exited:
		return p.command.ProcessState, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// Stderr is the last 64 KiB that the process has written to its standard error
// so far.
func (p *Process) Stderr() string {
	return p.stderr.String()
}

// Terminate ends the process as AWS ends an execution environment, and returns
// how it ended: where an extension has registered, as lambda.WithEnableSIGTERM
// does, by SIGTERM and, 500 ms later, SIGKILL; else by SIGKILL at once.
func (p *Process) Terminate() *os.ProcessState {
	<-p.started
	if p.command.Process == nil {
		return nil
	}
	p.api.mu.Lock()
	extended := p.sandbox.extended
	p.api.mu.Unlock()
	if extended && p.command.Process.Signal(syscall.SIGTERM) == nil {
		timer := time.NewTimer(p.api.grace)
		defer timer.Stop()
		select {
		case <-p.exited:
		case <-timer.C:
		}
	}
	p.kill()
	<-p.exited
	return p.command.ProcessState
}

// kill is harmless after the end.
func (p *Process) kill() {
	_ = p.command.Process.Kill()
}

func (p *Process) hasExited() bool {
	select {
	case <-p.exited:
		return true
	default:
		return false
	}
}

// tail keeps the end of what is written to it. It is safe for parallel use.
type tail struct {
	mu   sync.Mutex
	kept []byte
}

func (t *tail) besides(w io.Writer) io.Writer {
	if w == nil {
		return t
	}
	return io.MultiWriter(w, t)
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.kept = append(t.kept, b...)
	if surplus := len(t.kept) - stderrLimit; surplus > 0 {
		t.kept = append(t.kept[:0], t.kept[surplus:]...)
	}
	return len(b), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(t.kept)
}
