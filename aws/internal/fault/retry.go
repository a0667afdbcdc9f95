package fault

import (
	"context"
	"math/rand/v2"
	"time"
)

// The bounds of [Retry].
const (
	Attempts   = 5
	firstPause = 100 * time.Millisecond
	pauseLimit = 2 * time.Second
)

// Retry calls until it succeeds, the error is not one that again approves of, or
// [Attempts] are used up, and returns the last error. Between two calls it
// pauses for a random part (full jitter) of 100 ms, which doubles each time up to
// 2 s. It returns at once where ctx ends, or would end during the pause.
func Retry(ctx context.Context, again func(error) bool, call func() error) error {
	for attempt, limit := 1, firstPause; ; attempt++ {
		err := call()
		if err == nil || attempt == Attempts || !again(err) || !pause(ctx, rand.N(limit)+time.Millisecond) {
			return err
		}
		limit = min(2*limit, pauseLimit)
	}
}

// pause reports false where ctx is over by its end.
func pause(ctx context.Context, d time.Duration) bool {
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= d {
		return false
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return ctx.Err() == nil
	case <-ctx.Done():
		return false
	}
}
