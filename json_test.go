package cqrs_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
)

type document struct {
	Name     string            `json:"name"`
	Count    int               `json:"count"`
	Ratio    float64           `json:"ratio"`
	Wait     time.Duration     `json:"wait"`
	At       time.Time         `json:"at"`
	Data     []byte            `json:"data"`
	Labels   map[string]string `json:"labels"`
	Any      any               `json:"any"`
	Raw      json.RawMessage   `json:"raw"`
	Inner    *document         `json:"inner"`
	List     []document        `json:"list"`
	Optional *int              `json:"optional,omitempty"`
	Quoted   int64             `json:"quoted,string"`
	Fixed    [2]int            `json:"fixed"`
	Ignored  string            `json:"-"`
	Untagged bool
}

var documents = []string{
	`{}`, `null`, `{"name":"n","count":1,"ratio":1.5e3,"wait":1000000000,"at":"2026-11-01T12:00:00Z","data":"AAEC"}`,
	`{"NAME":"other case","Count":2,"UNTAGGED":true}`,
	`{"labels":{"a":"b"},"any":{"n":1.5,"l":[null,true,"x"]},"raw": {"kept" : 1}}`,
	`{"inner":{"inner":{"name":"deep"}},"list":[{"count":1},{}],"optional":0,"quoted":"42","fixed":[1,2]}`,
	`{"unknown":{"members":["are",{"skipped":1}]}}`, `{"name":null,"list":null,"inner":null}`,
	`{"name":"\u00e9\ud83d\ude00\n"}`, `{"fixed":[1]}`, `{"fixed":[1,2,3]}`, ` {"name" : "spaces" } `,
	// And what is refused.
	`{"name":1}`, `{"count":1.5}`, `{"count":99999999999999999999}`, `{"wait":"1s"}`, `{"at":"yesterday"}`, `{"data":"%"}`,
	`[]`, `"text"`, `{`, `{"name":"n"`, `{"name":"n"} x`, ``, `hello`, "{\"name\":\"a\nb\"}", `{"quoted":42}`, `{"a":1,}`,
}

// sameAsEncodingJSON checks one text in both decoders.
func sameAsEncodingJSON(t tester, text string) {
	var want document
	wantErr := json.Unmarshal([]byte(text), &want)
	got, err := cqrs.DecodeJSON[document](text)
	if wantErr != nil {
		require.Error(t, err, "encoding/json refuses %q: %v", text, wantErr)
		require.ErrorIs(t, err, cqrs.ErrMalformed)
		require.Zero(t, got)
		return
	}
	require.NoError(t, err, "encoding/json takes %q", text)
	require.Equal(t, want, got)
}

func TestDecodeJSONReadsAsEncodingJSON(t *testing.T) {
	t.Parallel()
	for _, text := range documents {
		sameAsEncodingJSON(t, text)
	}
}

func TestDecodeJSONIsStricter(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		`{"name":"a","name":"b"}`, `{"name":"a","NAME":"b"}`, `{"UNTAGGED":true,"untagged":false}`, `{"any":{"x":1,"x":2}}`, `{"unknown":{"x":1,"x":2}}`,
		"{\"name\":\"\xff\"}", `{"name":"\ud800"}`, `{"name":"\udc00\ud800"}`,
	} {
		require.NoError(t, json.Unmarshal([]byte(text), new(document)), "encoding/json takes it")
		_, err := cqrs.DecodeJSON[document](text)
		require.ErrorIs(t, err, cqrs.ErrMalformed, text)
	}
}

// TestDecodeJSONErrorsQuoteNothing: a body is nobody's business but the
// handler's.
func TestDecodeJSONErrorsQuoteNothing(t *testing.T) {
	t.Parallel()
	for text, says := range map[string]string{
		`{"name":4111111111111111}`:         "decode body: JSON of kind number at /name of cqrs_test.document does not fit string",
		`{"count":"4111111111111111"}`:      "/count",
		`{"at":"4111111111111111"}`:         "/at",
		`{"name":"x","4111111111111111`:     "invalid JSON at byte",
		`{"name":"4111111111111111","name`:  "invalid JSON at byte",
		`"4111111111111111"`:                "JSON of kind string does not fit cqrs_test.document",
		`{"name":"\ud800-4111111111111111`:  "invalid JSON at byte",
		`4111111111111111x`:                 "JSON of kind number does not fit cqrs_test.document",
		`{"labels":{"4111111111111111":1}}`: "JSON of kind number at /labels/* of cqrs_test.document does not fit string",
		`{"4111111111111111":[{"x":1,"x"`:   "a duplicate name at byte",
		`{"name":"4111111111111111" "x":1}`: "invalid JSON at byte",
	} {
		_, err := cqrs.DecodeJSON[document](text)
		require.ErrorContains(t, err, says)
		require.NotContains(t, err.Error(), "4111111111111111")
	}
}

func FuzzDecodeJSON(f *testing.F) {
	for _, text := range documents {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var want document
		wantErr := json.Unmarshal([]byte(text), &want)
		got, err := cqrs.DecodeJSON[document](text)
		if wantErr != nil {
			require.Error(t, err)
		} else if err == nil {
			require.Equal(t, want, got)
		}
	})
}
