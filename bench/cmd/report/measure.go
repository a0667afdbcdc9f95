package main

import (
	"fmt"
	"runtime"
	"time"

	"github.com/lambda-cqrs/cqrs/bench"
	"github.com/lambda-cqrs/cqrs/bench/process"
)

// result is the least that one run took, in nanoseconds.
type result struct{ wall, cpu, allocations float64 }

func measure(c bench.Case, rounds int, turn time.Duration) ([]result, error) {
	results := make([]result, len(c.Ways))
	for round := range rounds {
		for i, way := range c.Ways {
			r, err := takeTurn(way, turn)
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", c.Name, way.Name, err)
			}
			if round == 0 {
				results[i] = r
				continue
			}
			results[i].wall = min(results[i].wall, r.wall)
			results[i].cpu = min(results[i].cpu, r.cpu)
			results[i].allocations = min(results[i].allocations, r.allocations)
		}
	}
	return results, nil
}

// takeTurn collects the garbage of others first, and lets the way pay for its
// own.
func takeTurn(way bench.Way, turn time.Duration) (result, error) {
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	cpu, start := process.CPUTime(), time.Now()
	n := 0
	for ; n == 0 || time.Since(start) < turn; n++ {
		if err := way.Run(); err != nil {
			return result{}, err
		}
	}
	wall := time.Since(start)
	cpu = process.CPUTime() - cpu
	runtime.ReadMemStats(&after)
	per := func(total float64) float64 { return total / float64(n) }
	return result{per(float64(wall)), per(float64(cpu)), per(float64(after.Mallocs - before.Mallocs))}, nil
}
