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

// Alarm is a message to the people who run the application.
type Alarm struct {
	Severity    Severity
	Source      string // who raises it: a route, else the source of the record
	Message     string
	Details     map[string]any
	Err         error
	Time        time.Time
	Environment string
}

// Alarmer sends alarms. It is called from many goroutines at once. Its error is
// logged and never takes the place of the failure that the alarm is about.
type Alarmer interface {
	Alarm(ctx context.Context, a Alarm) error
}
