package docs

import "time"

type OrderPlaced struct{ Total int64 }

type histogram interface {
	Observe(d time.Duration, labels ...any)
}

type counter interface{ Add(n int) }

var (
	latency, age         histogram
	failed, deadLettered counter
)
