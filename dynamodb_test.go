package cqrs_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
)

func TestDynamoDBRecord(t *testing.T) {
	t.Parallel()
	service := &events.DynamoDBUserIdentity{Type: "Service", PrincipalID: "dynamodb.amazonaws.com"}
	r := cqrs.DynamoDBRecord{EventName: "REMOVE", EventSourceARN: streamARN, UserIdentity: service}
	require.Equal(t, "orders", r.Table())
	require.True(t, r.ExpiredByTTL())
	require.Empty(t, (&cqrs.DynamoDBRecord{EventSourceARN: "nonsense"}).Table())
	for _, other := range []cqrs.DynamoDBRecord{
		{EventName: "REMOVE"},
		{EventName: "MODIFY", UserIdentity: service},
		{EventName: "REMOVE", UserIdentity: &events.DynamoDBUserIdentity{Type: "User", PrincipalID: "dynamodb.amazonaws.com"}},
		{EventName: "REMOVE", UserIdentity: &events.DynamoDBUserIdentity{Type: "Service", PrincipalID: "other"}},
	} {
		require.False(t, other.ExpiredByTTL())
	}
}

// TestDynamoDBRecordAWS: an existing handler gets what aws-lambda-go would have
// given it.
func TestDynamoDBRecordAWS(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"dynamodb_insert", "dynamodb_modify", "dynamodb_remove", "dynamodb_ttl", "dynamodb_keys_only", "dynamodb_all_types"} {
		var want events.DynamoDBEvent
		require.NoError(t, json.Unmarshal(sample(t, name), &want))
		var got []events.DynamoDBEventRecord
		mux := cqrs.NewMux()
		cqrs.OnDynamoDB(mux, cqrs.Any(), cqrs.Inserted|cqrs.Modified|cqrs.Removed, func(r *cqrs.DynamoDBRecord) (task, error) {
			record, err := r.AWS()
			got = append(got, record)
			return task{}, err
		})
		d := newDispatcher(t, cqrs.Config{Factory: mux, Registry: taskRegistry(&journal{})})
		_, err := d.Invoke(t.Context(), sample(t, name))
		require.NoError(t, err)
		for i := range want.Records {
			want.Records[i].Change.ApproximateCreationDateTime.Time = want.Records[i].Change.ApproximateCreationDateTime.UTC()
			got[i].Change.ApproximateCreationDateTime.Time = got[i].Change.ApproximateCreationDateTime.UTC()
		}
		require.Equal(t, want.Records, got, name)
	}
}

func TestMalformedImagesAreErrors(t *testing.T) {
	t.Parallel()
	for _, malformed := range []string{
		`{"a":{"S":1}}`, `{"a":{"N":"x"}}`, `{"a":{"BS":[1]}}`, `{"a":{}}`, `{"a":{"S":"x","N":"1"}}`, `{"a":7}`, `{"a":{"Q":"x"}}`,
		`{"a":{"N":"` + strings.Repeat("9", 39) + `"}}`, `{"a":{"N":"1e999999999"}}`, `{"a":{"S":"x"},"a":{"S":"y"}}`,
		`{"a":` + strings.Repeat(`{"L":[`, 40) + `{"S":"x"}` + strings.Repeat(`]}`, 40) + `}`,
	} {
		var i cqrs.Image
		require.ErrorIs(t, json.Unmarshal([]byte(malformed), &i), cqrs.ErrMalformed, malformed)

		j := &journal{}
		d := newDispatcher(t, cqrs.Config{Factory: taskMux(), Registry: taskRegistry(j)})
		record := func(sequence, image string) string {
			return `{"eventID":"e","eventName":"INSERT","eventSource":"aws:dynamodb","eventSourceARN":"` + streamARN +
				`","dynamodb":{"SequenceNumber":"` + sequence + `","Keys":{"pk":{"S":"k"}},"NewImage":` + image + `}}`
		}
		answer, err := d.Invoke(t.Context(), []byte(`{"Records":[`+record("1", `{"id":{"S":"good"}}`)+`,`+record("2", malformed)+`]}`))
		require.NoError(t, err, malformed)
		require.Equal(t, []string{"2"}, failedIDs(t, answer))
		require.Equal(t, []string{"good"}, j.all())
	}
}

func TestMalformedImagesDoNotPanicInAWS(t *testing.T) {
	t.Parallel()
	mux := cqrs.NewMux()
	cqrs.OnDynamoDB(mux, cqrs.Any(), cqrs.Inserted, func(r *cqrs.DynamoDBRecord) (task, error) {
		_, err := r.AWS()
		return task{}, err
	})
	d := newDispatcher(t, cqrs.Config{Factory: mux, Registry: taskRegistry(&journal{})})
	_, err := d.Invoke(t.Context(), []byte(`{"Records":[{"eventID":"e","eventName":"INSERT","eventSource":"aws:dynamodb",
		"dynamodb":{"SequenceNumber":"1","Keys":{"pk":{"S":"k"}},"NewImage":{"a":{"BS":[1]}}}}]}`))
	require.ErrorIs(t, err, cqrs.ErrMalformed)
	var panicked *cqrs.PanicError
	require.NotErrorAs(t, err, &panicked)
}

func TestImage(t *testing.T) {
	t.Parallel()
	type item struct {
		PK     string            `dynamodbav:"pk"`
		Amount json.Number       `json:"amount"`
		Tags   []string          `dynamodbav:"tags,stringset"`
		At     time.Time         `dynamodbav:"at"`
		Nested map[string]int    `dynamodbav:"nested"`
		Empty  *string           `dynamodbav:"empty,omitempty"`
		Any    map[string]any    `dynamodbav:"any"`
		Labels map[string]string `dynamodbav:"-"`
	}
	want := item{
		PK: "ORDER#1", Amount: "12345678901234567890.123456789", Tags: []string{"a", "b"},
		At: time.Date(2026, 11, 1, 12, 0, 0, 5, time.UTC), Nested: map[string]int{"n": 1},
		Any: map[string]any{"big": json.Number("9007199254740993")},
	}
	i, err := cqrs.NewImage(want)
	require.NoError(t, err)
	require.False(t, i.IsZero())
	require.Equal(t, "ORDER#1", i.Text("pk"))
	require.Empty(t, i.Text("nested"))
	require.Empty(t, i.Text("other"))
	var got item
	require.NoError(t, i.Unmarshal(&got))
	require.Equal(t, want, got)
	require.Contains(t, string(i.Raw()), `"amount":{"N":"12345678901234567890.123456789"}`)

	text, err := json.Marshal(i)
	require.NoError(t, err)
	var back cqrs.Image
	require.NoError(t, json.Unmarshal(text, &back))
	require.Equal(t, i, back)

	var none cqrs.Image
	require.True(t, none.IsZero())
	require.Nil(t, none.Raw())
	require.Empty(t, none.Text("pk"))
	require.ErrorIs(t, none.Unmarshal(&got), cqrs.ErrNoImage)
	text, err = json.Marshal(struct{ Image cqrs.Image }{})
	require.NoError(t, err)
	require.JSONEq(t, `{"Image":null}`, string(text))
	require.NoError(t, json.Unmarshal([]byte(`null`), &back))
	require.True(t, back.IsZero())

	var small struct {
		Amount int8 `dynamodbav:"amount"`
	}
	big := image(t, `{"amount":{"N":"300"}}`)
	require.ErrorIs(t, big.Unmarshal(&small), cqrs.ErrMalformed, "a number that does not fit is an error")
	raw := i.Raw()
	raw[0] = 'x'
	require.Equal(t, byte('{'), i.Raw()[0], "Raw is a copy")
	_, err = cqrs.NewImage(make(chan int))
	require.Error(t, err)
}

func TestChangeOpText(t *testing.T) {
	t.Parallel()
	require.Equal(t, "INSERT", cqrs.Inserted.String())
	require.Equal(t, "INSERT|MODIFY|REMOVE", (cqrs.Inserted | cqrs.Modified | cqrs.Removed).String())
	require.Empty(t, cqrs.ChangeOp(0).String())
}

func TestChangeKey(t *testing.T) {
	t.Parallel()
	mux := cqrs.NewMux()
	cqrs.OnChange[map[string]any](mux, cqrs.Any())
	for keys, want := range map[string]cqrs.Key{
		`{"pk":{"S":"a"},"sk":{"S":"b"}}`:   {PK: "a", SK: "b"},
		`{"SK":{"N":"7"},"PK":{"S":"a"}}`:   {PK: "a", SK: "7"},
		`{"id":{"S":"a"}}`:                  {PK: "a"},
		`{"one":{"S":"a"},"two":{"S":"b"}}`: {},
	} {
		all, err := mux.TransformDynamoDBStream(t.Context(), &cqrs.DynamoDBRecord{EventName: "REMOVE", Keys: image(t, keys)})
		require.NoError(t, err)
		require.Equal(t, []cqrs.Event{cqrs.Change[map[string]any]{Op: cqrs.Removed, Key: want}}, all, keys)
	}
}
