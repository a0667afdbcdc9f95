package lambda

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// defaultTimeout is AWS's for functions that the API makes.
const defaultTimeout = 3 * time.Second

type createFunctionInput struct {
	FunctionName  string
	Runtime       string
	Role          string
	Handler       string
	Description   string
	PackageType   string
	Timeout       int
	MemorySize    int
	Publish       bool
	Architectures []string
	Tags          map[string]string
	Code          struct{ ZipFile []byte }
	Environment   struct{ Variables map[string]string }
}

// createFunction unpacks an archive with a bootstrap and runs that.
func (s *Service) createFunction(body []byte) (any, error) {
	in := &createFunctionInput{}
	if err := wire.Decode(body, in); err != nil {
		return nil, err
	}
	if in.Runtime != "provided.al2023" && in.Runtime != "provided.al2" {
		return nil, badParameter("the local runtime runs functions of the runtime provided.al2023, not %q", in.Runtime)
	}
	config := Config{Timeout: defaultTimeout, AsyncTries: 3, Environment: in.Environment.Variables}
	if in.Timeout > 0 {
		config.Timeout = time.Duration(in.Timeout) * time.Second
	}
	directory, err := unpack(in.Code.ZipFile)
	if err != nil {
		return nil, err
	}
	environ := make([]string, 0, len(in.Environment.Variables))
	for name, value := range in.Environment.Variables {
		environ = append(environ, name+"="+value)
	}
	command := func(ctx context.Context) (*exec.Cmd, error) {
		command := exec.CommandContext(ctx, filepath.Join(directory, "bootstrap")) //nolint:gosec // running it is the purpose
		command.Dir = directory
		return command, nil
	}
	cleanUp := func() { _ = os.RemoveAll(directory) } // what is left is in the system's temporary directory
	f, err := s.Register(in.FunctionName, s.Processes(in.FunctionName, command, config.Timeout, environ, cleanUp), config)
	if err != nil {
		cleanUp()
		return nil, err
	}
	description := f.describe()
	sum := sha256.Sum256(in.Code.ZipFile)
	description["CodeSha256"] = base64.StdEncoding.EncodeToString(sum[:])
	description["CodeSize"] = len(in.Code.ZipFile)
	return description, nil
}

func unpack(archive []byte) (directory string, err error) {
	files, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return "", badParameter("Could not unzip uploaded file: %v", err)
	}
	directory, err = os.MkdirTemp("", "cqrs-function-")
	if err != nil {
		return "", err
	}
	err = os.CopyFS(directory, files)
	if err == nil {
		err = os.Chmod(filepath.Join(directory, "bootstrap"), 0o700) //nolint:gosec // it is to be run
	}
	if err != nil {
		_ = os.RemoveAll(directory) // err says what matters
		return "", badParameter("the archive needs an executable file named bootstrap at its root: %v", err)
	}
	return directory, nil
}

func (f *Function) describe() map[string]any {
	return map[string]any{
		"FunctionName":     f.name,
		"FunctionArn":      f.arn,
		"Runtime":          "provided.al2023",
		"Handler":          "bootstrap",
		"Role":             "arn:aws:iam::" + f.service.options.Account + ":role/local",
		"Timeout":          int(f.config.Timeout.Seconds()),
		"MemorySize":       128,
		"Version":          "$LATEST",
		"State":            "Active",
		"LastUpdateStatus": "Successful",
		"PackageType":      "Zip",
		"Environment":      map[string]any{"Variables": f.config.Environment},
	}
}

// describeAsync is what becomes of asynchronous invocations.
func (f *Function) describeAsync() map[string]any {
	return map[string]any{
		"FunctionArn":              f.arn + ":$LATEST",
		"MaximumRetryAttempts":     f.config.AsyncTries - 1,
		"MaximumEventAgeInSeconds": int(6 * time.Hour / time.Second),
		"DestinationConfig":        onFailure(f.config.OnFailure),
	}
}

// onFailure is a DestinationConfig, empty without a destination.
func onFailure(arn string) map[string]any {
	config := map[string]any{"OnSuccess": map[string]any{}, "OnFailure": map[string]any{}}
	if arn != "" {
		config["OnFailure"] = map[string]any{"Destination": arn}
	}
	return config
}

func (s *Service) listFunctions() any {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := []map[string]any{}
	for _, name := range slices.Sorted(maps.Keys(s.functions)) {
		list = append(list, s.functions[name].describe())
	}
	return map[string]any{"Functions": list}
}

// deleteFunction ends the function's mappings first.
func (s *Service) deleteFunction(f *Function) {
	s.mu.Lock()
	mappings := slices.Collect(maps.Values(s.mappings))
	s.mu.Unlock()
	for _, m := range mappings {
		if m.function == f {
			s.deleteMapping(m)
		}
	}
	s.remove(f)
}
