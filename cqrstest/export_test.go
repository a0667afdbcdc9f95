package cqrstest

import (
	"context"
	"flag"
	"fmt"
	"runtime"
	"sync"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/lambda-cqrs/cqrs"
)

// BrokenIdempotencyRules lists the rules that a store breaks.
func BrokenIdempotencyRules[F Factory[cqrs.IdempotencyStore]](t *testing.T, newStore F) []string {
	t.Helper()
	return broken(t, newStore, idempotencyChecks())
}

// BrokenSyncRules lists the rules that a store breaks.
func BrokenSyncRules[F Factory[cqrs.SyncStore]](t *testing.T, newStore F) []string {
	t.Helper()
	return broken(t, newStore, syncChecks())
}

func broken[S any, F Factory[S]](t *testing.T, newStore F, checks []check[S]) []string {
	t.Helper()
	failed := []string{}
	for _, c := range checks {
		world := newWorld[S](t, newStore)
		if witness := Witness(t.Context(), func(w TB) { c.run(w, world) }); witness.Failed() {
			failed = append(failed, c.name)
		}
	}
	return failed
}

// Witness runs f with a TB of its own, and tells whether it failed.
func Witness(ctx context.Context, f func(TB)) *FakeTB {
	w := &FakeTB{ctx: ctx}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(w)
	}()
	<-done
	return w
}

// FakeTB is a TB whose failure is not that of the test.
type FakeTB struct {
	ctx context.Context

	mu     sync.Mutex
	failed bool
	text   string
}

func (f *FakeTB) Helper()                  {}
func (f *FakeTB) Name() string             { return "fake" }
func (f *FakeTB) Context() context.Context { return f.ctx }

func (f *FakeTB) Logf(string, ...any) {}

func (f *FakeTB) Errorf(format string, args ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.failed = true
	f.text += fmt.Sprintf(format, args...) + "\n"
}

func (f *FakeTB) Fatalf(format string, args ...any) {
	f.Errorf(format, args...)
	f.FailNow()
}

func (f *FakeTB) FailNow() {
	f.mu.Lock()
	f.failed = true
	f.mu.Unlock()
	runtime.Goexit()
}

// Failed tells whether the test would have failed.
func (f *FakeTB) Failed() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.failed
}

// Text is what it would have said.
func (f *FakeTB) Text() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.text
}

// Find returns what Explore would have failed with.
func Find[S any](t *testing.T, s Scenario[S]) (report string, err error) {
	t.Helper()
	return explore(t, s)
}

// ParseSchedule returns the text of the schedule in a text.
func ParseSchedule(text string) (string, error) {
	s, err := parseSchedule(text, 2)
	if err != nil {
		return "", err
	}
	return s.String(), nil
}

// GoldenFails tells whether Golden fails for one payload.
func GoldenFails(t *testing.T, h lambda.Handler, dir, payload string) bool {
	t.Helper()
	return Witness(t.Context(), func(t TB) { golden(t, h, dir, payload) }).Failed()
}

// TBForExamples is a TB for examples, which have none.
func TBForExamples() TB { return &FakeTB{ctx: context.Background()} }

// Test has the T that examples lack.
type Test struct{ T *testing.T }

// InTest runs f in a test of that name, once and silently, whatever the flags of
// the test that the example is a part of.
func InTest(name string, f func(test Test)) bool {
	verbose := flag.Lookup("test.v").Value
	before := verbose.String()
	defer func() { _ = verbose.Set(before) }()
	_ = verbose.Set("false")
	var once sync.Once // -count and -cpu repeat it
	all := func(string, string) (bool, error) { return true, nil }
	return testing.RunTests(all, []testing.InternalTest{{Name: name, F: func(t *testing.T) {
		t.Helper()
		once.Do(func() { f(Test{t}) })
	}}})
}
