package servers

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// ErrMissing says that a server is not installed.
var ErrMissing = errors.New("it is not installed: run integration/setup.sh")

const (
	binary     = "node_modules/@dynoxide/linux-x64/dynoxide"
	startLimit = 10 * time.Second
)

// StartDynamoDB starts an empty DynamoDB in memory. Its error matches [ErrMissing]
// where setup.sh has not fetched it.
func StartDynamoDB() (*Server, error) {
	program, err := find(binary)
	if err != nil {
		return nil, err
	}
	for range 3 { // somebody else may take the port
		var s *Server
		if s, err = startDynoxide(program); err == nil {
			return s, nil
		}
	}
	return nil, err
}

// find looks for a program in the cache that setup.sh fills.
func find(name string) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	if file := filepath.Join(cache, "lambda-cqrs", name); isProgram(file) {
		return file, nil
	}
	return "", fmt.Errorf("dynoxide, which stands for DynamoDB: %w", ErrMissing)
}

func isProgram(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular() && info.Mode().Perm()&0o111 != 0
}

func startDynoxide(program string) (*Server, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	host, port, _ := net.SplitHostPort(address)
	var output bytes.Buffer
	//nolint:gosec // it is the one that setup.sh fetched
	child := exec.CommandContext(context.Background(), program, "--host", host, "--port", port)
	child.Stdout, child.Stderr = &output, &output
	if err := child.Start(); err != nil {
		return nil, fmt.Errorf("start dynoxide: %w", err)
	}
	ended := make(chan error, 1)
	go func() {
		ended <- child.Wait()
		close(ended)
	}()
	if err := answers(address, ended); err != nil {
		_ = child.Process.Kill()
		return nil, fmt.Errorf("start dynoxide: %w: %s", err, bytes.TrimSpace(output.Bytes()))
	}
	return newServer("http://"+address, func() error {
		err := child.Process.Kill()
		for range ended { // until it has ended
		}
		return err
	}), nil
}

func freeAddress() (string, error) {
	listener, err := listen()
	if err != nil {
		return "", err
	}
	return listener.Addr().String(), listener.Close()
}

func listen() (net.Listener, error) {
	return new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
}

// answers waits until somebody listens at address.
func answers(address string, ended <-chan error) error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		var d net.Dialer
		if c, err := d.DialContext(ctx, "tcp", address); err == nil {
			return c.Close()
		}
		select {
		case <-tick.C:
		case err := <-ended:
			return fmt.Errorf("it ended: %w", err)
		case <-ctx.Done():
			return fmt.Errorf("nobody answers at %s after %v", address, startLimit)
		}
	}
}
