package cqrstest

import "context"

// TB is what *testing.T, *testing.B and *rapid.T have in common, as far as this
// package needs it.
type TB interface {
	Helper()
	Name() string
	Logf(format string, args ...any)
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	FailNow()
	Context() context.Context
}
