package cqrstest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/stretchr/testify/require"
)

const (
	updateVariable = "CQRSTEST_UPDATE"
	answerSuffix   = ".answer.json"
)

// Golden replays recorded payloads and compares what comes of them with what
// came of them before: the answer and, with Recorder.Middleware, which handlers
// ran and the events that they got. So you see what an upgrade changes, of this
// library or of your own factory, before you deploy it.
//
// Each file *.json in dir is a payload, and *.answer.json is what came of it.
// With CQRSTEST_UPDATE=1 in the environment the answers are written anew, to be
// read in the diff of the commit. What ran can only be compared where the order is
// fixed, so with a Config.Concurrency of 1.
func Golden(t *testing.T, h lambda.Handler, dir string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		t.Fatalf("cqrstest: list the payloads in %s: %v", dir, err)
	}
	payloads := 0
	for _, file := range files {
		if strings.HasSuffix(file, answerSuffix) {
			continue
		}
		payloads++
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		t.Run(name, func(t *testing.T) { golden(t, h, dir, name) })
	}
	if payloads == 0 {
		t.Fatalf("cqrstest: there are no payloads in %s: record some as *.json", dir)
	}
}

func golden(t TB, h lambda.Handler, dir, name string) {
	t.Helper()
	payload, recorded := filepath.Join(dir, name+".json"), filepath.Join(dir, name+answerSuffix)
	text, err := os.ReadFile(payload) //nolint:gosec // the test chooses its own files
	if err != nil {
		t.Fatalf("cqrstest: read the payload: %v", err)
	}
	got := goldenText(Invoke(t, h, Raw(text)))
	if update := os.Getenv(updateVariable); update != "" && update != "0" {
		if err := os.WriteFile(recorded, got, 0o600); err != nil {
			t.Fatalf("cqrstest: record the answer: %v", err)
		}
		return
	}
	want, err := os.ReadFile(recorded) //nolint:gosec // the test chooses its own files
	if errors.Is(err, fs.ErrNotExist) {
		t.Fatalf("cqrstest: no answer is recorded for %s: run the test with %s=1 and review what it writes", payload, updateVariable)
	}
	if err != nil {
		t.Fatalf("cqrstest: read the recorded answer: %v", err)
	}
	require.Equal(t, string(bytes.TrimSpace(want)), string(bytes.TrimSpace(got)),
		"what comes of %s has changed; where that is meant, run the test with %s=1", payload, updateVariable)
}

// goldenAnswer leaves out what may be worded anew: the text of an error.
type goldenAnswer struct {
	Answer    json.RawMessage `json:"answer,omitempty"`
	ErrorType string          `json:"errorType,omitempty"`
	Failed    []string        `json:"failed,omitempty"`
	Ran       []goldenRun     `json:"ran,omitempty"`
}

type goldenRun struct {
	Route  string `json:"route"`
	ID     string `json:"id,omitempty"`
	Event  any    `json:"event"`
	Failed bool   `json:"failed,omitempty"`
}

func goldenText(a Answer) []byte {
	answer := goldenAnswer{ErrorType: a.ErrorType, Failed: a.Failed}
	if a.Err == nil {
		answer.Answer = a.JSON
		if !json.Valid(a.JSON) {
			answer.Answer = encode(string(a.JSON))
		}
	}
	for _, run := range a.Ran {
		answer.Ran = append(answer.Ran, goldenRun{Route: run.Route, ID: run.ID, Event: run.Event, Failed: !run.Ended || run.Err != nil})
	}
	var text bytes.Buffer
	if err := json.Indent(&text, encode(answer), "", "  "); err != nil {
		panic("cqrstest: " + err.Error()) // it was encoded just now
	}
	text.WriteByte('\n')
	return text.Bytes()
}
