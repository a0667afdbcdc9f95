package main

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/lambda-cqrs/cqrs/bench"
	"github.com/lambda-cqrs/cqrs/bench/function"
	"github.com/lambda-cqrs/cqrs/internal/runtimeapi"
)

// program is a function's process, and what would be uploaded for it.
type program struct {
	name     string
	command  []string
	packages []string // files and directories
}

// start is the least that one cold start took.
type start struct {
	wall, cpu time.Duration
	memory    int64
}

func cold(ctx context.Context, o options, directory string) error {
	library, err := function.Build(ctx, function.Library, directory)
	if err != nil {
		return err
	}
	bare, err := function.Build(ctx, function.Bare, directory)
	if err != nil {
		return err
	}
	bundled := func(name, file string) program {
		path := filepath.Join(o.node, "bundle", file+".cjs")
		return program{name, []string{"node", filepath.Join(o.node, "node", "bootstrap.mjs"), path}, []string{path}}
	}
	programs := []program{
		{"this library", []string{library}, []string{library}},
		{"Go, aws-lambda-go alone", []string{bare}, []string{bare}},
		bundled("Node by hand", "byhand"),
		bundled("Powertools batch", "powertools"),
		bundled("Powertools batch and idempotency", "powertools-idempotency"),
		bundled("Powertools batch with parser", "powertools-parser"),
		bundled("reference system, bundled", "reference"),
		{
			"reference system, as its template deploys it",
			[]string{"node", filepath.Join(o.node, "node", "bootstrap.mjs"), filepath.Join(o.node, "node", "functions", "reference.mjs")},
			[]string{filepath.Join(o.node, "node_modules")},
		},
	}
	best := make([]start, len(programs))
	for round := range o.rounds {
		for i, p := range programs {
			s, err := coldStart(ctx, p.command)
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			if round == 0 {
				best[i] = s
				continue
			}
			best[i] = start{min(best[i].wall, s.wall), min(best[i].cpu, s.cpu), min(best[i].memory, s.memory)}
		}
	}
	fmt.Print("\n| cold start | process start to first response | CPU | peak memory | package | zipped | ratio: time | CPU |\n" +
		"|---|--:|--:|--:|--:|--:|--:|--:|\n")
	for i, s := range best {
		size, zipped, err := sizes(programs[i].packages)
		if err != nil {
			return err
		}
		fmt.Printf("| %s | %s | %s | %.0f MB | %s | %s | %.1f | %.1f |\n", programs[i].name, milliseconds(s.wall), milliseconds(s.cpu),
			float64(s.memory)/1e6, megabytes(size), megabytes(zipped),
			float64(s.wall)/float64(best[0].wall), float64(s.cpu)/float64(best[0].cpu))
	}
	return nil
}

// coldStart measures one process from its start to its first response.
func coldStart(ctx context.Context, arguments []string) (s start, err error) {
	api, err := runtimeapi.New("peers")
	if err != nil {
		return s, err
	}
	defer func() { _ = api.Close() }()
	payload := bench.SQS(10)
	command := exec.CommandContext(ctx, arguments[0], arguments[1:]...) //nolint:gosec // they are this program's own
	begin := time.Now()
	process, err := api.Start(command)
	if err != nil {
		return s, err
	}
	response, err := api.Invoke(ctx, payload)
	if err != nil {
		return s, fmt.Errorf("%w: %.500s", err, process.Stderr())
	}
	s.wall = time.Since(begin)
	if response.Error != nil {
		return s, response.Error
	}
	if s.memory, err = peakMemory(command.Process.Pid); err != nil {
		return s, err
	}
	state := process.Terminate()
	s.cpu = state.UserTime() + state.SystemTime()
	return s, nil
}

// sizes are those of all files, and of a zip file with them. What only building
// needs is left out of node_modules.
func sizes(paths []string) (size, zipped int64, err error) {
	var counted counter
	archive := zip.NewWriter(&counted)
	for _, path := range paths {
		err := filepath.WalkDir(path, func(file string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if entry.IsDir() && strings.Contains(file, "esbuild") {
				return fs.SkipDir
			}
			if !entry.Type().IsRegular() {
				return nil
			}
			n, err := add(archive, file)
			size += n
			return err
		})
		if err != nil {
			return 0, 0, err
		}
	}
	err = archive.Close()
	return size, int64(counted), err
}

func add(archive *zip.Writer, file string) (int64, error) {
	w, err := archive.Create(file)
	if err != nil {
		return 0, err
	}
	f, err := os.Open(file) //nolint:gosec // it was found by walking
	if err != nil {
		return 0, err
	}
	defer func() { _ = f.Close() }()
	return io.Copy(w, f)
}

// counter counts what is written to it.
type counter int64

// Write takes everything.
func (c *counter) Write(b []byte) (int, error) {
	*c += counter(len(b))
	return len(b), nil
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.1f ms", float64(d)/1e6) }

func megabytes(n int64) string {
	if n < 1e6 {
		return fmt.Sprintf("%.0f KB", float64(n)/1e3)
	}
	return fmt.Sprintf("%.1f MB", float64(n)/1e6)
}
