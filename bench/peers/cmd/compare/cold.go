package main

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lambda-cqrs/cqrs/bench"
	"github.com/lambda-cqrs/cqrs/bench/function"
	"github.com/lambda-cqrs/cqrs/bench/process"
)

// program is a function's process, and what would be uploaded for it.
type program struct {
	name     string
	command  []string
	packages []string // files and directories
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
	best := make([]process.Start, len(programs))
	payload := bench.SQS(10)
	for round := range o.rounds {
		for i, p := range programs {
			s, err := process.ColdStart(ctx, payload, p.command...)
			if err != nil {
				return fmt.Errorf("%s: %w", p.name, err)
			}
			if round > 0 {
				s = s.Least(best[i])
			}
			best[i] = s
		}
	}
	fmt.Print("\n| cold start | process start to first response | CPU | peak memory | package | zipped | ratio: time | CPU |\n" +
		"|---|--:|--:|--:|--:|--:|--:|--:|\n")
	for i, s := range best {
		size, zipped, err := sizes(programs[i].packages)
		if err != nil {
			return err
		}
		fmt.Printf("| %s | %s | %s | %.0f MB | %s | %s | %.1f | %.1f |\n", programs[i].name, milliseconds(s.Wall), milliseconds(s.CPU),
			float64(s.Memory)/1e6, megabytes(size), megabytes(zipped),
			float64(s.Wall)/float64(best[0].Wall), float64(s.CPU)/float64(best[0].CPU))
	}
	return nil
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
