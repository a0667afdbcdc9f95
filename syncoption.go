package cqrs

import (
	"context"
	"log/slog"
	"slices"
	"time"
)

// SyncOption configures a [DataSync]; see [DataSync.With].
type SyncOption func(*syncOptions)

type syncOptions struct {
	source  CommandSource
	schema  Schema
	alarmer Alarmer
	logger  *slog.Logger
	hooks   []func(context.Context, SyncResult)
}

// SyncSource says where versions are read again, to fill gaps and to take up
// what was parked.
func SyncSource(source CommandSource) SyncOption {
	return func(o *syncOptions) { o.source = source }
}

// SyncSchema brings attributes of older schema versions up to date before a
// handler sees them.
func SyncSchema(schema Schema) SyncOption {
	return func(o *syncOptions) { o.schema = schema }
}

// SyncAlarm raises an alarm once for each aggregate that is parked or diverged.
// Under a dispatcher the default is Config.Alarm.
func SyncAlarm(a Alarmer) SyncOption {
	return func(o *syncOptions) { o.alarmer = a }
}

// SyncLogger takes the place of slog.Default, and of Config.Logger under a
// dispatcher.
func SyncLogger(l *slog.Logger) SyncOption {
	return func(o *syncOptions) { o.logger = l }
}

// OnSync is told what became of each version in each target, for metrics. It may
// be called from many goroutines at once.
func OnSync(f func(ctx context.Context, r SyncResult)) SyncOption {
	return func(o *syncOptions) { o.hooks = append(slices.Clip(o.hooks), f) }
}

// SyncOutcome is what became of one version in one target.
type SyncOutcome string

// The outcomes.
const (
	SyncApplied      SyncOutcome = "applied"
	SyncDuplicate    SyncOutcome = "duplicate"     // the target has the version
	SyncStale        SyncOutcome = "stale"         // the target has a newer one
	SyncGap          SyncOutcome = "gap"           // versions are missing before it; another outcome follows
	SyncOvertaken    SyncOutcome = "overtaken"     // another invocation applied it, or a newer one, meanwhile
	SyncFailed       SyncOutcome = "failed"        // it will come again
	SyncParked       SyncOutcome = "parked"        // the aggregate waits for [DataSync.Unpark]
	SyncParkedBehind SyncOutcome = "parked behind" // the aggregate was waiting already
	SyncDiverged     SyncOutcome = "diverged"      // the target has the version with other content
)

// SyncResult is one outcome.
type SyncResult struct {
	SyncKey

	Version int64
	Outcome SyncOutcome
	Lag     time.Duration // since the stream record was written; 0 outside of a stream
	Replay  bool
	Err     error
}

func (g *gate[A]) observe(ctx context.Context, outcome SyncOutcome, err error) {
	hooks := g.sync.options.hooks
	if len(hooks) == 0 {
		return
	}
	r := SyncResult{SyncKey: g.key, Version: g.at, Outcome: outcome, Replay: IsReplay(ctx), Err: err}
	if d, ok := DeliveryFrom(ctx); ok && !d.Message.Time.IsZero() && d.Message.Source == SourceDynamoDB {
		r.Lag = time.Since(d.Message.Time)
	}
	for _, hook := range hooks {
		hook(ctx, r)
	}
}

type (
	replayKey  struct{}
	replaceKey struct{}
	syncEnvKey struct{}
)

// WithReplay marks what is applied as a repetition: a rebuild rather than news.
// Targets with [NoReplay] are left out.
func WithReplay(ctx context.Context) context.Context {
	return context.WithValue(ctx, replayKey{}, true)
}

// IsReplay reports whether a handler is called by a rebuild.
func IsReplay(ctx context.Context) bool { return ctx.Value(replayKey{}) != nil }

// WithReplaceEqual lets an equal version through the gates, to repair a target
// that has diverged. It never lets an older one through.
func WithReplaceEqual(ctx context.Context) context.Context {
	return context.WithValue(ctx, replaceKey{}, true)
}

// ReplacesEqual reports whether [WithReplaceEqual] is set: a self-gated target then
// writes where its version is equal too.
func ReplacesEqual(ctx context.Context) bool { return replacesEqual(ctx) }

func replacesEqual(ctx context.Context) bool { return ctx.Value(replaceKey{}) != nil }

// syncEnvironment is what the dispatcher lends to a sync.
type syncEnvironment struct {
	alarmer Alarmer
	logger  *slog.Logger
}

func (s *DataSync[A]) environment(ctx context.Context) syncEnvironment {
	env, _ := ctx.Value(syncEnvKey{}).(syncEnvironment)
	if s.options.alarmer != nil {
		env.alarmer = s.options.alarmer
	}
	if s.options.logger != nil {
		env.logger = s.options.logger
	}
	if env.logger == nil {
		env.logger = slog.Default()
	}
	return env
}
