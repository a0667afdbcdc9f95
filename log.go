package cqrs

import (
	"context"
	"log/slog"
	"slices"
	"time"
)

// Log writes a line for each delivery behind it: Info where it is handled or
// skipped, Warn where it failed, with the duration. Nil means slog.Default.
func Log(l *slog.Logger) Middleware {
	if l == nil {
		l = slog.Default()
	}
	return logDeliveries(l, slog.LevelInfo, slog.LevelWarn)
}

func logDeliveries(l *slog.Logger, handled, failed slog.Level) Middleware {
	l = withDelivery(l)
	return func(next Next) Next {
		return func(ctx context.Context, d *Delivery) (any, error) {
			if !l.Enabled(ctx, max(handled, failed)) {
				return next(ctx, d)
			}
			start := time.Now()
			result, err := next(ctx, d)
			took := slog.Duration("duration", time.Since(start))
			switch verdict, _ := judge(err); verdict {
			case verdictDone:
				l.LogAttrs(ctx, handled, "event handled", took)
			case verdictSkip:
				l.LogAttrs(ctx, handled, "event skipped", took, slog.String("reason", withoutToken(d.TaskToken(), err.Error())))
			default:
				l.LogAttrs(ctx, failed, "event failed", took, slog.String("error", withoutToken(d.TaskToken(), err.Error())))
			}
			return result, err
		}
	}
}

// withDelivery returns a logger whose lines carry the delivery exactly once.
func withDelivery(l *slog.Logger) *slog.Logger {
	if _, ok := l.Handler().(*logHandler); ok {
		return l
	}
	return slog.New(NewLogHandler(l.Handler()))
}

// NewLogHandler adds, to every line that is logged with the context of a
// delivery, what is known of it: source, id, route, and, where there is one,
// attempt, group, event index, tenant and correlation id. They stand at the top
// level, whatever groups the logger has open. It never adds the event or the
// task token.
func NewLogHandler(next slog.Handler) slog.Handler {
	if next == nil {
		panic("cqrs: NewLogHandler needs a handler to write to, not nil")
	}
	return &logHandler{next: next, top: next}
}

// logHandler keeps the handler as it was before the first group was opened, and
// what was done to it since, in order to put attributes above the group.
type logHandler struct {
	next  slog.Handler
	top   slog.Handler
	since []func(slog.Handler) slog.Handler
}

// Enabled asks the wrapped handler.
func (h *logHandler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.next.Enabled(ctx, level)
}

// Handle passes the record on with the delivery's attributes.
func (h *logHandler) Handle(ctx context.Context, record slog.Record) error {
	d, ok := DeliveryFrom(ctx)
	if !ok {
		return h.next.Handle(ctx, record)
	}
	if len(h.since) == 0 {
		record = record.Clone()
		record.AddAttrs(deliveryAttrs(d)...)
		return h.next.Handle(ctx, record)
	}
	next := h.top.WithAttrs(deliveryAttrs(d))
	for _, step := range h.since {
		next = step(next)
	}
	return next.Handle(ctx, record)
}

// WithAttrs adds attributes inside the open group.
func (h *logHandler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	return h.step(func(next slog.Handler) slog.Handler { return next.WithAttrs(attrs) }, false)
}

// WithGroup opens a group.
func (h *logHandler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return h.step(func(next slog.Handler) slog.Handler { return next.WithGroup(name) }, true)
}

func (h *logHandler) step(step func(slog.Handler) slog.Handler, opens bool) slog.Handler {
	added := &logHandler{next: step(h.next), top: h.top, since: h.since}
	if opens || len(h.since) > 0 {
		added.since = append(slices.Clip(h.since), step)
	} else {
		added.top = added.next
	}
	return added
}

func deliveryAttrs(d *Delivery) []slog.Attr {
	attrs := make([]slog.Attr, 0, 8)
	if d.Message != nil {
		attrs = append(attrs, messageAttrs(d.Message)...)
	}
	attrs = append(attrs, slog.String("route", d.Route))
	if d.Index > 0 {
		attrs = append(attrs, slog.Int("index", d.Index))
	}
	if tenant := d.Tenant(); tenant != "" {
		attrs = append(attrs, slog.String("tenant", tenant))
	}
	if id := d.CorrelationID(); id != "" {
		attrs = append(attrs, slog.String("correlation_id", id))
	}
	return attrs
}

func messageAttrs(m *Message) []slog.Attr {
	attrs := make([]slog.Attr, 0, 8)
	attrs = append(attrs, slog.String("source", string(m.Source)), slog.String("id", m.ID))
	if m.Attempt > 0 {
		attrs = append(attrs, slog.Int("attempt", m.Attempt))
	}
	if m.Group != "" {
		attrs = append(attrs, slog.String("group", m.Group))
	}
	return attrs
}
