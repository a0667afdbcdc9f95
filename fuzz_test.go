package cqrs_test

import (
	"context"
	"encoding/json"
	"io/fs"
	"slices"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda/messages"
	jsonv2 "github.com/go-json-experiment/json"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/testdata"
)

// samples are all of AWS's payloads by name.
func samples(t tester) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, fs.WalkDir(testdata.Samples, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(testdata.Samples, path)
		all[path] = string(text)
		return err
	}))
	return all
}

// choosy are dispatchers over every source that let some records fail: whose
// text has an odd length. Nothing in them panics.
func choosy(t tester) []*cqrs.Dispatcher {
	t.Helper()
	mux := cqrs.NewMux()
	cqrs.OnSQS[task](mux, cqrs.TypeField("type", "NOTIFICATION"))
	cqrs.OnSQS[events.SQSMessage](mux, cqrs.Any())
	cqrs.OnSNS[map[string]any](mux, cqrs.Any())
	cqrs.OnKinesis[task](mux, cqrs.Any())
	cqrs.OnEventBridge[map[string]any](mux, cqrs.Any())
	cqrs.OnS3[events.S3EventRecord](mux, cqrs.Any())
	cqrs.OnDynamoDB[task](mux, cqrs.PKPrefix("ORDER#"), cqrs.Inserted)
	cqrs.OnChange[map[string]any](mux, cqrs.Any())
	cqrs.OnStepFunction[task](mux, "ORDER_PROCESS")
	cqrs.OnStepFunction[cqrs.StepFunctionsEvent](mux, "CSV_IMPORT")
	envelopes := cqrs.Envelopes(mux, cqrs.From("orders-queue", cqrs.SNS), cqrs.From("uploads-queue", cqrs.S3),
		cqrs.From("uploads-sns-queue", cqrs.SNS, cqrs.S3), cqrs.From("bus-queue", cqrs.EventBridge))
	registry := cqrs.NewRegistry(func(next cqrs.Next) cqrs.Next {
		return func(ctx context.Context, d *cqrs.Delivery) (any, error) {
			if len(d.Message.Payload())%2 == 1 {
				return nil, errRefused
			}
			return next(ctx, d)
		}
	})
	cqrs.RegisterFunc(registry, nothing[task])
	cqrs.RegisterFunc(registry, nothing[events.SQSMessage])
	cqrs.RegisterFunc(registry, nothing[events.S3EventRecord])
	cqrs.RegisterFunc(registry, nothing[map[string]any])
	cqrs.RegisterFunc(registry, nothing[cqrs.Change[map[string]any]])
	cqrs.RegisterFunc(registry, nothing[cqrs.StepFunctionsEvent])
	return []*cqrs.Dispatcher{
		newDispatcher(t, cqrs.Config{Factory: mux, Registry: registry}),
		newDispatcher(t, cqrs.Config{Factory: envelopes, Registry: registry, Concurrency: 3, DeadLetter: &ports{}}),
		newDispatcher(t, cqrs.Config{Factory: everything{}, Registry: arrivals(), BatchMode: cqrs.WholeBatch}),
	}
}

func arrivals() *cqrs.Registry {
	registry := cqrs.NewRegistry()
	cqrs.RegisterFunc(registry, nothing[arrived])
	return registry
}

// checkInvoke is what holds for every payload there is: no panic, and an answer
// that AWS takes for what it is meant to be.
func checkInvoke(t tester, dispatchers []*cqrs.Dispatcher, payload string) {
	t.Helper()
	known, sure := identifiers(payload)
	for _, d := range dispatchers {
		answer, err := d.Invoke(context.Background(), []byte(payload))
		if _, task := err.(messages.InvokeResponse_Error); err != nil && !task { //nolint:errorlint // aws-lambda-go's own
			var panicked *cqrs.PanicError
			require.NotErrorAs(t, err, &panicked)
		}
		if err != nil {
			require.Nil(t, answer)
			continue
		}
		require.True(t, json.Valid(answer), "%q", answer)
		var response struct {
			BatchItemFailures []map[string]string `json:"batchItemFailures"`
		}
		if json.Unmarshal(answer, &response) != nil {
			continue // a task's result
		}
		var listed []string
		for _, failure := range response.BatchItemFailures {
			id := failure["itemIdentifier"]
			require.Len(t, failure, 1)
			require.NotEmpty(t, id)
			require.True(t, !sure || slices.Contains(known, id), "%q is not in the batch", id)
			require.NotContains(t, listed, id)
			listed = append(listed, id)
		}
	}
}

// identifiers lists what a payload's records may be reported by, by exact
// names. It reports false where a name that stands twice leaves that open.
func identifiers(payload string) (all []string, ok bool) {
	var batch struct{ Records []map[string]any }
	err := jsonv2.Unmarshal([]byte(payload), &batch)
	for _, record := range batch.Records {
		dynamoDB, _ := record["dynamodb"].(map[string]any)
		kinesis, _ := record["kinesis"].(map[string]any)
		for _, id := range []any{record["messageId"], dynamoDB["SequenceNumber"], kinesis["sequenceNumber"]} {
			text, _ := id.(string)
			all = append(all, text)
		}
	}
	return all, err == nil
}

func FuzzInvoke(f *testing.F) {
	for _, text := range samples(f) {
		f.Add(text)
	}
	dispatchers := choosy(f)
	f.Fuzz(func(t *testing.T, payload string) { checkInvoke(t, dispatchers, payload) })
}

// TestInvokeMutated damages AWS's own payloads: bytes are changed, removed and
// repeated, and so are whole members and records.
func TestInvokeMutated(t *testing.T) {
	t.Parallel()
	var texts []string
	for _, text := range samples(t) {
		texts = append(texts, text)
	}
	slices.Sort(texts)
	dispatchers := choosy(t)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.SampledFrom(texts).Draw(t, "sample")
		if rapid.Bool().Draw(t, "structure") {
			text = mutateValue(t, text)
		} else {
			for range rapid.IntRange(1, 3).Draw(t, "mutations") {
				text = mutateBytes(t, text)
			}
		}
		checkInvoke(t, dispatchers, text)
	})
}

func mutateBytes(t *rapid.T, text string) string {
	at := rapid.IntRange(0, len(text)-1).Draw(t, "at")
	end := min(len(text), at+rapid.IntRange(0, 20).Draw(t, "length"))
	switch rapid.IntRange(0, 2).Draw(t, "how") {
	case 0:
		insert := rapid.SampledFrom([]string{`"`, `\`, `{`, `}`, `[`, `]`, `,`, `:`, `null`, `0`, `-`, "\x00", "\xff", `\ud800`, ` `}).Draw(t, "insert")
		return text[:at] + insert + text[end:]
	case 1:
		return text[:end] + text[at:]
	default:
		return text[:at] + text[end:] + " "
	}
}

// mutateValue replaces, renames or repeats one member somewhere in the payload.
func mutateValue(t *rapid.T, text string) string {
	var value any
	require.NoError(t, json.Unmarshal([]byte(text), &value))
	for range rapid.IntRange(1, 3).Draw(t, "mutations") {
		mutateIn(t, value)
	}
	mutated, err := json.Marshal(value)
	require.NoError(t, err)
	return string(mutated)
}

func mutateIn(t *rapid.T, value any) {
	other := rapid.SampledFrom([]any{
		nil, "", "x", 0.0, -1.5, true, []any{}, map[string]any{}, map[string]any{"S": "x"}, []any{nil}, "100%", "2026-11-01T12:00:00Z",
	})
	switch value := value.(type) {
	case map[string]any:
		names := make([]string, 0, len(value))
		for name := range value {
			names = append(names, name)
		}
		if len(names) == 0 {
			return
		}
		slices.Sort(names)
		name := rapid.SampledFrom(names).Draw(t, "member")
		switch rapid.IntRange(0, 4).Draw(t, "how") {
		case 0:
			value[name] = other.Draw(t, "value")
		case 1:
			delete(value, name)
		default:
			mutateIn(t, value[name])
		}
	case []any:
		if len(value) == 0 {
			return
		}
		i := rapid.IntRange(0, len(value)-1).Draw(t, "element")
		if rapid.IntRange(0, 4).Draw(t, "how") == 0 {
			value[i] = other.Draw(t, "value")
		} else {
			mutateIn(t, value[i])
		}
	}
}
