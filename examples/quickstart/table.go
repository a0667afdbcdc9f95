package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/local"
)

// The function writes a row for each record that a handler got and one for each
// that never got so far; the other process writes the lines around them. Both
// write to the same output, and the function before it answers.

const row = "  %-15s %-34s %-20s %s\n"

func writeHead(w *os.File) {
	writef(w, row, "RECORD", "EVENT", "HANDLER", "OUTCOME")
}

func writePayload(w *os.File, name string) {
	writef(w, "\n%s\n", name)
}

func writeAnswer(w *os.File, response local.Response) {
	answer := compact(response.Payload)
	if response.Error != nil {
		answer = fmt.Sprintf("error %s: %s", response.Error.Type, response.Error.Message)
	}
	writef(w, "  => %s\n", shorten(answer, 160))
}

func writeEnd(w *os.File, payloads int) {
	writef(w, "\nOne process took all %d payloads, failures and panics among them.\n", payloads)
}

// report is a middleware that writes the row of a delivery.
func report(next cqrs.Next) cqrs.Next {
	return func(ctx context.Context, d *cqrs.Delivery) (result any, err error) {
		defer func() {
			if value := recover(); value != nil {
				writeRow(d.Message, fmt.Sprintf("%+v", d.Event), d.Route, fmt.Sprintf("panic: %v", value))
				panic(value)
			}
			writeRow(d.Message, fmt.Sprintf("%+v", d.Event), d.Route, outcome(err))
		}()
		return next(ctx, d)
	}
}

// reportUndelivered writes the row of a record that no handler got.
func reportUndelivered(_ context.Context, m *cqrs.Message, r cqrs.RecordResult) {
	var failure *cqrs.RecordError
	switch {
	case errors.As(r.Err, &failure) && failure.Route == "":
		writeRow(m, "-", "-", "failed: "+failure.Err.Error())
	case r.Err == nil && r.Events == 0:
		writeRow(m, "none", "-", "acknowledged")
	}
}

func writeRow(m *cqrs.Message, event, route, outcome string) {
	id := cmp.Or(m.ID, "-")
	if len(id) > 15 {
		id = "…" + id[len(id)-14:]
	}
	writef(os.Stdout, row, id, shorten(event, 34), strings.TrimPrefix(route, "main."), shorten(outcome, 90))
}

func outcome(err error) string {
	switch {
	case err == nil:
		return "handled"
	case cqrs.IsSkip(err):
		return err.Error()
	case cqrs.IsPermanent(err):
		return "failed for good: " + err.Error()
	default:
		return "failed: " + err.Error()
	}
}

// write has nobody to tell that the table cannot be written.
func writef(w *os.File, format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }

func compact(answer []byte) string {
	var b bytes.Buffer
	if json.Compact(&b, answer) != nil {
		return string(answer)
	}
	return b.String()
}

func shorten(text string, limit int) string {
	if runes := []rune(text); len(runes) > limit {
		return string(runes[:limit-1]) + "…"
	}
	return text
}
