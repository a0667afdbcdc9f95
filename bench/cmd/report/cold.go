package main

import (
	"context"
	"fmt"
	"os"

	"github.com/lambda-cqrs/cqrs/bench"
	"github.com/lambda-cqrs/cqrs/bench/function"
	"github.com/lambda-cqrs/cqrs/bench/process"
)

// coldStarts starts the two functions in turns, each in a process of its own on
// the Runtime API, and prints what it took to the first response.
func coldStarts(ctx context.Context, rounds int) error {
	directory, err := os.MkdirTemp("", "bench")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(directory) }()
	names := []string{function.Bare, function.Library}
	paths, best := make([]string, len(names)), make([]process.Start, len(names))
	sizes := make([]int64, len(names))
	for i, name := range names {
		if paths[i], err = function.Build(ctx, name, directory); err != nil {
			return err
		}
		info, err := os.Stat(paths[i])
		if err != nil {
			return err
		}
		sizes[i] = info.Size()
	}
	payload := bench.SQS(1)
	for round := range rounds {
		for i, path := range paths {
			s, err := process.ColdStart(ctx, payload, path)
			if err != nil {
				return fmt.Errorf("%s: %w", names[i], err)
			}
			if round > 0 {
				s = s.Least(best[i])
			}
			best[i] = s
		}
	}
	fmt.Printf("\n| cold start | exec to first response | CPU | peak memory | binary | ratio: time | CPU | memory | binary |\n" +
		"|---|--:|--:|--:|--:|--:|--:|--:|--:|\n")
	for i, s := range best {
		bare := best[0]
		fmt.Printf("| %s | %s | %s | %.1f MB | %.2f MB | %.3f | %.3f | %.3f | %.3f |\n", names[i],
			duration(float64(s.Wall)), duration(float64(s.CPU)), float64(s.Memory)/1e6, float64(sizes[i])/1e6,
			ratio(s.Wall, bare.Wall), ratio(s.CPU, bare.CPU), ratio(s.Memory, bare.Memory), ratio(sizes[i], sizes[0]))
	}
	fmt.Println("\nTargets: time 1.05, memory 1.20, binary 1.20.")
	return nil
}

func ratio[N ~int64](a, b N) float64 { return float64(a) / float64(b) }
