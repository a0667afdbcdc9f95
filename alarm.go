package cqrs

import (
	"context"
	"time"
)

// Severity is how bad an alarm is.
type Severity string

// The severities, from the mildest to the worst.
const (
	SeverityInfo     Severity = "INFO"
	SeverityWarning  Severity = "WARNING"
	SeverityError    Severity = "ERROR"
	SeverityCritical Severity = "CRITICAL"
)

// Alarm is a message to the people who run the application. Those that this
// package raises hold no payload, task token or receipt handle.
type Alarm struct {
	Severity    Severity
	Source      string // who raises it: a route, else the source of the record
	Message     string
	Details     map[string]any
	Err         error
	Time        time.Time
	Environment string // of Config.Environment or InEnvironment
}

// Alarmer sends alarms. It is called from many goroutines at once. Its error is
// logged and never takes the place of the failure that the alarm is about.
type Alarmer interface {
	Alarm(ctx context.Context, a Alarm) error
}

// AlarmFlusher is an [Alarmer] that holds something back, as [ThrottleAlarms]
// does. A dispatcher calls Flush of its Config.Alarm at the end of each invocation.
type AlarmFlusher interface {
	Alarmer
	// Flush sends what is due by now.
	Flush(ctx context.Context) error
}

// Alarms raises alarms from within handlers.
type Alarms struct{ to Alarmer }

// NewAlarms returns the helper for a. It panics where a is nil.
func NewAlarms(a Alarmer) *Alarms {
	return &Alarms{to: mustAlarm("NewAlarms", a)}
}

// Critical is for what has to be mended at once.
func (a *Alarms) Critical(ctx context.Context, source, message string, err error) error {
	return a.raise(ctx, Alarm{Severity: SeverityCritical, Source: source, Message: message, Err: err})
}

// Error is for what failed for good.
func (a *Alarms) Error(ctx context.Context, source, message string, err error) error {
	return a.raise(ctx, Alarm{Severity: SeverityError, Source: source, Message: message, Err: err})
}

// Warning is for what went on with less than it should have.
func (a *Alarms) Warning(ctx context.Context, source, message string, details map[string]any) error {
	return a.raise(ctx, Alarm{Severity: SeverityWarning, Source: source, Message: message, Details: details})
}

// Info is for what people want to know of.
func (a *Alarms) Info(ctx context.Context, source, message string, details map[string]any) error {
	return a.raise(ctx, Alarm{Severity: SeverityInfo, Source: source, Message: message, Details: details})
}

// raise takes the task token of the delivery that ctx belongs to out of what is
// sent.
func (a *Alarms) raise(ctx context.Context, alarm Alarm) error {
	var token TaskToken
	if d, ok := DeliveryFrom(ctx); ok {
		token = d.TaskToken()
	}
	alarm.Time = time.Now()
	alarm.Message = withoutToken(token, alarm.Message)
	alarm.Details, _ = safeDetail(token, alarm.Details).(map[string]any)
	if alarm.Err != nil {
		alarm.Err = hideToken(token, alarm.Err)
	}
	return a.to.Alarm(ctx, alarm)
}

// safeDetail returns a copy of a detail in which tokens are redacted. It looks
// into maps and slices of any, not into structs.
func safeDetail(token TaskToken, detail any) any {
	switch detail := detail.(type) {
	case TaskToken:
		return detail.String()
	case string:
		return withoutToken(token, detail)
	case error:
		return withoutToken(token, detail.Error())
	case map[string]any:
		if detail == nil {
			return detail
		}
		safe := make(map[string]any, len(detail))
		for name, value := range detail {
			safe[name] = safeDetail(token, value)
		}
		return safe
	case []any:
		safe := make([]any, len(detail))
		for i, value := range detail {
			safe[i] = safeDetail(token, value)
		}
		return safe
	default:
		return detail
	}
}

// InEnvironment names the environment in alarms that name none, for instance
// "production". Config.Environment does it for the alarms of a dispatcher.
func InEnvironment(a Alarmer, environment string) Alarmer {
	return &environmentAlarmer{next: mustAlarm("InEnvironment", a), environment: environment}
}

type environmentAlarmer struct {
	next        Alarmer
	environment string
}

// Alarm implements Alarmer.
func (e *environmentAlarmer) Alarm(ctx context.Context, a Alarm) error {
	if a.Environment == "" {
		a.Environment = e.environment
	}
	return e.next.Alarm(ctx, a)
}

// Flush implements AlarmFlusher.
func (e *environmentAlarmer) Flush(ctx context.Context) error {
	if next, ok := e.next.(AlarmFlusher); ok {
		return next.Flush(ctx)
	}
	return nil
}

func mustAlarm(where string, a Alarmer) Alarmer {
	if isNil(a) {
		panic("cqrs: " + where + " needs an Alarmer, not nil")
	}
	return a
}
