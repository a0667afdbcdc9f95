package snsalarm_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/snsalarm"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const topic = "arn:aws:sns:eu-west-1:123456789012:alarms"

// topicFake keeps what is published and answers with the errors it is given, one
// a call.
type topicFake struct {
	mu    sync.Mutex
	sent  []sns.PublishInput
	fails []error
}

func (f *topicFake) Publish(_ context.Context, in *sns.PublishInput, _ ...func(*sns.Options)) (*sns.PublishOutput, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sent = append(f.sent, *in)
	if len(f.fails) > 0 {
		err := f.fails[0]
		f.fails = f.fails[1:]
		return nil, err
	}
	return &sns.PublishOutput{}, nil
}

// publish sends one alarm and returns its subject and message.
func publish(t *testing.T, alarm cqrs.Alarm, opts ...snsalarm.Option) (string, map[string]any, string) {
	t.Helper()
	f := &topicFake{}
	require.NoError(t, snsalarm.New(f, topic, opts...).Alarm(t.Context(), alarm))
	require.Len(t, f.sent, 1, "one alarm is one request")
	require.Equal(t, topic, aws.ToString(f.sent[0].TopicArn))
	var message map[string]any
	require.NoError(t, json.Unmarshal([]byte(*f.sent[0].Message), &message))
	return aws.ToString(f.sent[0].Subject), message, *f.sent[0].Message
}

func TestAlarmIsTheOneOfTheSeed(t *testing.T) {
	t.Parallel()
	_, _, text := publish(t, cqrs.Alarm{
		Severity: cqrs.SeverityError, Source: "orders.Created", Message: "card <declined>",
		Details: map[string]any{"orderId": "o-1", "attempt": 3},
		Err:     fmt.Errorf("charge: %w", &declined{}),
		Time:    time.Date(2026, 11, 1, 12, 30, 0, 5_000_000, time.FixedZone("CET", 3600)),
	}, snsalarm.Environment("production"))
	want := `{
  "severity": "ERROR",
  "source": "orders.Created",
  "message": "card <declined>",
  "details": {
    "attempt": 3,
    "orderId": "o-1"
  },
  "error": {
    "name": "snsalarm_test.declined",
    "message": "charge: declined"
  },
  "timestamp": "2026-11-01T11:30:00.005Z",
  "environment": "production"
}`
	require.Equal(t, want, text, "to the letter")
}

type declined struct{}

func (*declined) Error() string { return "declined" }

func TestWhatIsEmptyIsLeftOut(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		subject, message, _ := publish(t, cqrs.Alarm{})
		require.Equal(t, "[ERROR] alarm", subject)
		require.Equal(t, map[string]any{
			"severity": "ERROR", "source": "", "message": "", "timestamp": "2000-01-01T00:00:00.000Z",
		}, message)
	})
}

func TestTheAlarmsOwnEnvironmentWins(t *testing.T) {
	t.Parallel()
	_, message, _ := publish(t, cqrs.Alarm{Environment: "staging"}, snsalarm.Environment("production"))
	require.Equal(t, "staging", message["environment"])
}

func TestErrorOfAnAlarm(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		alarm cqrs.Alarm
		want  map[string]any
	}{
		"plain":    {cqrs.Alarm{Err: errors.New("x")}, map[string]any{"name": "Error", "message": "x"}},
		"named":    {cqrs.Alarm{Err: errors.New("x"), Details: map[string]any{"errorName": "CardDeclined"}}, map[string]any{"name": "CardDeclined", "message": "x"}},
		"panicked": {cqrs.Alarm{Err: &cqrs.RecordError{Source: "s", ID: "i", Err: &cqrs.PanicError{Value: "v", Stack: []byte("goroutine 1")}}}, map[string]any{"name": "Error", "message": `s record "i": panic: v`, "stack": "goroutine 1"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, message, _ := publish(t, c.alarm)
			require.Equal(t, c.want, message["error"])
		})
	}
}

func TestSubject(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ source, message, want string }{
		"both":             {"orders", "gone", "[ERROR] orders: gone"},
		"no source":        {"", "gone", "[ERROR] alarm: gone"},
		"no message":       {"orders", "", "[ERROR] orders"},
		"line breaks":      {"a\r\nBcc: x", "b\u2028c\u2029d\u0085e\tf", "[ERROR] a Bcc: x: b c d e f"},
		"control":          {"a\x00\x1b[31mb\x7f\u009bc", "", "[ERROR] a[31mbc"},
		"bidi":             {"a\u202Eb\u2066c\u200Fd\u061Ce", "", "[ERROR] abcde"},
		"not UTF-8":        {"a\xffb\uFFFEc\uFEFFd", "", "[ERROR] abcd"},
		"white space only": {" \n ", "\t", "[ERROR] :"},
		"long":             {"s", strings.Repeat("x", 200), "[ERROR] s: " + strings.Repeat("x", 87) + "…"},
		"long, Japanese":   {"s", strings.Repeat("語", 200), "[ERROR] s: " + strings.Repeat("語", 87) + "…"},
		"long, two units":  {"s", strings.Repeat("😀", 200), "[ERROR] s: " + strings.Repeat("😀", 43) + "…"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			subject, _, _ := publish(t, cqrs.Alarm{Severity: cqrs.SeverityError, Source: c.source, Message: c.message})
			require.Equal(t, c.want, subject)
			require.LessOrEqual(t, utf8.RuneCountInString(subject), 99)
		})
	}
}

func TestDetailsThatCannotBeEncodedDoNotLoseTheAlarm(t *testing.T) {
	t.Parallel()
	cyclic := map[string]any{}
	cyclic["self"] = cyclic
	type node struct{ Next *node }
	ring := &node{}
	ring.Next = ring
	_, message, _ := publish(t, cqrs.Alarm{Message: "kept", Details: map[string]any{
		"chan": make(chan int), "nan": math.NaN(), "func": func() {}, "panics": panics{}, "cyclic": cyclic, "ring": ring,
		"err": errors.New("text"), "list": []any{errors.New("in a list")}, "nil": nil, "ok": 1, "bytes": "a\xffb",
	}})
	require.Equal(t, "kept", message["message"])
	details := message["details"].(map[string]any)
	require.Equal(t, "(cannot be encoded: json: unsupported type: chan int)", details["chan"])
	require.Contains(t, details["nan"], "cannot be encoded")
	require.Contains(t, details["func"], "cannot be encoded")
	require.Equal(t, "(cannot be encoded: a snsalarm_test.panics panics)", details["panics"])
	require.NotNil(t, details["cyclic"])
	require.Contains(t, details["ring"], "cycle")
	require.Equal(t, "text", details["err"])
	require.Equal(t, []any{"in a list"}, details["list"])
	require.Nil(t, details["nil"])
	require.InDelta(t, 1, details["ok"], 0)
	require.Equal(t, "a\uFFFDb", details["bytes"])
}

type panics struct{}

func (panics) MarshalJSON() ([]byte, error) { panic("no") }

const canary = "canary-a-bearer-secret"

func TestTokensStayOutOfAlarms(t *testing.T) {
	t.Parallel()
	m := &cqrs.Message{ID: "m-1", TaskToken: canary}
	_, message, text := publish(t, cqrs.Alarm{Details: map[string]any{
		"token": cqrs.TaskToken(canary), "message": m, "delivery": &cqrs.Delivery{Message: m, Route: "r"},
		"nested": map[string]any{"list": []any{cqrs.TaskToken(canary)}},
	}})
	require.NotContains(t, text, canary)
	require.Equal(t, "[redacted]", message["details"].(map[string]any)["token"])
	require.Equal(t, "m-1", message["details"].(map[string]any)["message"].(map[string]any)["id"], "what is no secret is shown")
}

func TestMessageFitsTheTopic(t *testing.T) {
	t.Parallel()
	huge := strings.Repeat(`語"\<\`+"\x01😀", 15_000)
	many := map[string]any{}
	for i := range 20_000 {
		many[fmt.Sprintf("detail-%d", i)] = i
	}
	alarms := map[string]cqrs.Alarm{
		"message":     {Message: huge},
		"error":       {Err: errors.New(huge), Message: "kept"},
		"stack":       {Err: &cqrs.PanicError{Value: "v", Stack: []byte(huge)}, Message: "kept"},
		"detail":      {Message: "kept", Details: map[string]any{"huge": huge, "small": "kept too"}},
		"nested":      {Message: "kept", Details: map[string]any{"huge": map[string]any{"a": []any{huge, huge}}, "small": "kept too"}},
		"many":        {Message: "kept", Details: many},
		"source":      {Source: huge},
		"environment": {Environment: huge},
		"severity":    {Severity: cqrs.Severity(huge)},
		"everything":  {Message: huge, Source: huge, Severity: cqrs.Severity(huge), Environment: huge, Details: map[string]any{huge: huge, "b": huge}, Err: errors.New(huge)},
	}
	for name, alarm := range alarms {
		for _, limit := range []int{1 << 10, 256 << 10} {
			t.Run(fmt.Sprintf("%s/%d", name, limit), func(t *testing.T) {
				t.Parallel()
				f := &topicFake{}
				require.NoError(t, snsalarm.New(f, topic, snsalarm.MaxMessage(limit)).Alarm(t.Context(), alarm))
				size := len(*f.sent[0].Message)
				for name, a := range f.sent[0].MessageAttributes {
					size += len(name) + len(*a.DataType) + len(*a.StringValue)
				}
				require.LessOrEqual(t, size, limit)
				require.True(t, utf8.ValidString(*f.sent[0].Message))
				var message struct {
					Message string
					Details map[string]any
				}
				require.NoError(t, json.Unmarshal([]byte(*f.sent[0].Message), &message))
				if alarm.Message == "kept" {
					require.Equal(t, "kept", message.Message)
				}
				if alarm.Details["small"] != nil {
					require.Equal(t, "kept too", message.Details["small"])
					require.Greater(t, size, limit*9/10, "no more is cut than has to be")
				}
			})
		}
	}
}

func TestATopicThatTakesLessGetsLess(t *testing.T) {
	t.Parallel()
	f := &topicFake{fails: []error{&types.InvalidParameterException{Message: aws.String("Message too long")}}}
	alarm := cqrs.Alarm{Message: strings.Repeat("x", 2<<20)}
	require.NoError(t, snsalarm.New(f, topic, snsalarm.MaxMessage(1<<20)).Alarm(t.Context(), alarm))
	require.Len(t, f.sent, 2)
	require.LessOrEqual(t, len(*f.sent[1].Message), 256<<10)
	require.Greater(t, len(*f.sent[1].Message), 255<<10)
}

func TestAttributes(t *testing.T) {
	t.Parallel()
	f := &topicFake{}
	require.NoError(t, snsalarm.New(f, topic, snsalarm.Environment("production")).Alarm(t.Context(), cqrs.Alarm{Severity: cqrs.SeverityCritical}))
	require.Equal(t, "CRITICAL", *f.sent[0].MessageAttributes["severity"].StringValue)
	require.Equal(t, "production", *f.sent[0].MessageAttributes["environment"].StringValue)
	require.Nil(t, f.sent[0].MessageGroupId, "not a FIFO topic")

	require.NoError(t, snsalarm.New(f, topic+".fifo").Alarm(t.Context(), cqrs.Alarm{Source: "orders with spaces"}))
	require.NotContains(t, f.sent[1].MessageAttributes, "environment", "an empty attribute is refused by SNS")
	require.Regexp(t, "^[0-9a-f]{64}$", *f.sent[1].MessageGroupId)
	require.Regexp(t, "^[0-9a-f]{64}$", *f.sent[1].MessageDeduplicationId)
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err   error
		final bool
		calls int
	}{
		"parameter":      {&types.InvalidParameterException{}, true, 1},
		"value":          {&types.InvalidParameterValueException{}, true, 1},
		"permission":     {&types.AuthorizationErrorException{}, true, 1},
		"no topic":       {&types.NotFoundException{}, true, 1},
		"KMS disabled":   {&types.KMSDisabledException{}, true, 1},
		"KMS denied":     {&types.KMSAccessDeniedException{}, true, 1},
		"KMS state":      {&types.KMSInvalidStateException{}, true, 1},
		"KMS not found":  {&types.KMSNotFoundException{}, true, 1},
		"KMS opt-in":     {&types.KMSOptInRequired{}, true, 1},
		"KMS throttling": {&types.KMSThrottlingException{}, false, 5},
		"throttled":      {&types.ThrottledException{}, false, 1}, // the SDK has retried it already
		"internal":       {&types.InternalErrorException{}, false, 1},
		"network":        {errors.New("connection reset"), false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				f := &topicFake{fails: []error{c.err, c.err, c.err, c.err, c.err, c.err}}
				err := snsalarm.New(f, topic).Alarm(t.Context(), cqrs.Alarm{Message: canary})
				require.ErrorIs(t, err, c.err)
				require.ErrorContains(t, err, topic)
				require.NotContains(t, err.Error(), canary)
				require.Equal(t, c.final, isPermanent(err))
				require.Len(t, f.sent, c.calls)
			})
		})
	}
}

func TestKMSThrottlingPasses(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f := &topicFake{fails: []error{&types.KMSThrottlingException{}}}
		require.NoError(t, snsalarm.New(f, topic).Alarm(t.Context(), cqrs.Alarm{}))
		require.Len(t, f.sent, 2)
	})
}

func TestMisuse(t *testing.T) {
	t.Parallel()
	require.PanicsWithValue(t, "snsalarm: New needs a client and the ARN of a topic", func() { snsalarm.New(nil, topic) })
	require.Panics(t, func() { snsalarm.New(&topicFake{}, "") })
	require.Panics(t, func() { snsalarm.MaxMessage(2 << 20) })
	require.Panics(t, func() { snsalarm.MaxMessage(10) })
}

// isPermanent asks the library itself: a permanent error is not retried.
func isPermanent(err error) bool {
	calls := 0
	_, _ = cqrs.Retry(cqrs.RetryPolicy{MaxAttempts: 2, NoJitter: true})(func(context.Context, *cqrs.Delivery) (any, error) {
		calls++
		return nil, err
	})(context.Background(), nil)
	return calls == 1
}

func FuzzAlarm(f *testing.F) {
	f.Add("ERROR", "orders", "gone\r\n\u202E", "語😀\xff", 1100)
	f.Fuzz(func(t *testing.T, severity, source, message, detail string, limit int) {
		limit = 1<<10 + max(0, limit)%5000
		fake := &topicFake{}
		alarm := cqrs.Alarm{Severity: cqrs.Severity(severity), Source: source, Message: message, Details: map[string]any{source: detail}, Err: errors.New(detail)}
		require.NoError(t, snsalarm.New(fake, topic, snsalarm.MaxMessage(limit)).Alarm(t.Context(), alarm))
		subject := *fake.sent[0].Subject
		require.NotEmpty(t, subject)
		require.LessOrEqual(t, utf8.RuneCountInString(subject), 99)
		require.True(t, utf8.ValidString(subject))
		for _, r := range subject {
			require.False(t, r < ' ' || r >= 0x7F && r <= 0x9F || r == '\u2028' || r == '\u2029' || r >= '\u202A' && r <= '\u202E', "%q", subject)
		}
		require.LessOrEqual(t, len(*fake.sent[0].Message), limit)
		require.True(t, json.Valid([]byte(*fake.sent[0].Message)))
	})
}
