// Package function builds the two functions whose cold starts are compared: bare
// with aws-lambda-go alone, library with this library.
package function

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"
)

// The functions.
const (
	Bare    = "bare"
	Library = "library"
)

// Build compiles a function into a directory as one does for provided.al2023,
// and returns the path of the binary.
func Build(ctx context.Context, name, directory string) (path string, err error) {
	path = filepath.Join(directory, name)
	_, err = build(ctx, name, path, "-ldflags=-s -w")
	return path, err
}

// Dependencies returns what the linker has found reachable in a function, and
// from where: lines of the form "from -> to". To is followed by <ReflectMethod>
// where it asks reflect for a method that the linker cannot know, for which it
// keeps the exported methods of all types.
func Dependencies(ctx context.Context, name, directory string) ([]byte, error) {
	return build(ctx, name, filepath.Join(directory, name+".dumpdep"), "-ldflags=-dumpdep")
}

func build(ctx context.Context, name, path, flags string) ([]byte, error) {
	const module = "github.com/lambda-cqrs/cqrs/bench/function/"
	arguments := []string{"build", "-trimpath", "-tags=lambda.norpc", flags, "-o", path, module + name}
	command := exec.CommandContext(ctx, "go", arguments...) //nolint:gosec // the arguments are this package's own
	var stderr bytes.Buffer
	command.Stderr = &stderr
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("build %s: %w: %.500s", name, err, stderr.String())
	}
	return stderr.Bytes(), nil
}
