package cqrs

import (
	"context"
	"log/slog"
	"maps"
	"slices"
)

// levelCritical is above slog.LevelError.
const levelCritical = slog.LevelError + 4

// NewLogAlarmer writes alarms as log lines, at Info, Warn, Error, and four above
// Error for critical ones; a metric filter on "severity" makes a CloudWatch alarm
// of them. A nil logger is slog.Default.
func NewLogAlarmer(l *slog.Logger) Alarmer {
	if l == nil {
		l = slog.Default()
	}
	return &logAlarmer{logger: l}
}

type logAlarmer struct{ logger *slog.Logger }

// Alarm implements Alarmer; it never fails.
func (l *logAlarmer) Alarm(ctx context.Context, a Alarm) error {
	attrs := []slog.Attr{
		slog.String("severity", string(a.Severity)),
		slog.String("alarm_source", a.Source),
		slog.Time("raised", a.Time),
	}
	if a.Environment != "" {
		attrs = append(attrs, slog.String("environment", a.Environment))
	}
	if a.Err != nil {
		attrs = append(attrs, slog.String("error", a.Err.Error()))
	}
	if len(a.Details) > 0 {
		details := make([]slog.Attr, 0, len(a.Details))
		for _, name := range slices.Sorted(maps.Keys(a.Details)) {
			details = append(details, slog.Any(name, a.Details[name]))
		}
		attrs = append(attrs, slog.Attr{Key: "details", Value: slog.GroupValue(details...)})
	}
	level := slog.LevelError
	switch a.Severity {
	case SeverityInfo:
		level = slog.LevelInfo
	case SeverityWarning:
		level = slog.LevelWarn
	case SeverityCritical:
		level = levelCritical
	case SeverityError:
	}
	l.logger.LogAttrs(ctx, level, a.Message, attrs...)
	return nil
}
