package sfntask_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/sfntask"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = cqrs.TaskToken("canary-AQCEAAAAKgAAAAMAAAAA")

// machine keeps the reports, as "what token a b", and answers with the errors it
// is given, one a call.
type machine struct {
	mu      sync.Mutex
	reports []string
	fails   []error
}

func (m *machine) report(parts ...string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reports = append(m.reports, strings.Join(parts, " "))
	if len(m.fails) == 0 {
		return nil
	}
	err := m.fails[0]
	m.fails = m.fails[1:]
	return err
}

func (m *machine) SendTaskSuccess(_ context.Context, in *sfn.SendTaskSuccessInput, _ ...func(*sfn.Options)) (*sfn.SendTaskSuccessOutput, error) {
	return nil, m.report("success", *in.TaskToken, *in.Output)
}

func (m *machine) SendTaskFailure(_ context.Context, in *sfn.SendTaskFailureInput, _ ...func(*sfn.Options)) (*sfn.SendTaskFailureOutput, error) {
	return nil, m.report("failure", *in.TaskToken, orNone(in.Error), orNone(in.Cause))
}

func (m *machine) SendTaskHeartbeat(_ context.Context, in *sfn.SendTaskHeartbeatInput, _ ...func(*sfn.Options)) (*sfn.SendTaskHeartbeatOutput, error) {
	return nil, m.report("heartbeat", *in.TaskToken)
}

func orNone(text *string) string {
	if text == nil {
		return "(none)"
	}
	return *text
}

func TestReports(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		report func(context.Context, cqrs.TaskCallback) error
		want   string
	}{
		"success": {func(ctx context.Context, cb cqrs.TaskCallback) error {
			return cb.Success(ctx, token, []byte(`{"a":1}`))
		}, `success T {"a":1}`},
		"nil output": {func(ctx context.Context, cb cqrs.TaskCallback) error { return cb.Success(ctx, token, nil) }, `success T null`},
		"failure": {func(ctx context.Context, cb cqrs.TaskCallback) error {
			return cb.Failure(ctx, token, "Declined", "no money")
		}, `failure T Declined no money`},
		"reserved": {func(ctx context.Context, cb cqrs.TaskCallback) error {
			return cb.Failure(ctx, token, "States.States.Timeout", "c")
		}, `failure T Timeout c`},
		"no name": {func(ctx context.Context, cb cqrs.TaskCallback) error { return cb.Failure(ctx, token, "States.", "") }, `failure T (none) (none)`},
		"token in it": {func(ctx context.Context, cb cqrs.TaskCallback) error {
			return cb.Failure(ctx, token, "N", "x "+string(token))
		}, `failure T N x [redacted]`},
		"heartbeat": {func(ctx context.Context, cb cqrs.TaskCallback) error { return cb.Heartbeat(ctx, token) }, `heartbeat T`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := &machine{}
			require.NoError(t, c.report(t.Context(), sfntask.New(m)))
			require.Equal(t, []string{c.want}, plain(m.reports))
		})
	}
}

// plain writes T for the token, which stands in each report once.
func plain(reports []string) []string {
	all := []string{}
	for _, r := range reports {
		all = append(all, strings.Replace(r, string(token), "T", 1))
	}
	return all
}

func TestOutputThatStepFunctionsDoesNotTake(t *testing.T) {
	t.Parallel()
	fits := []byte(`"` + strings.Repeat("x", 262_142) + `"`)
	m := &machine{}
	require.NoError(t, sfntask.New(m).Success(t.Context(), token, fits))
	require.Len(t, m.reports, 1)

	for name, c := range map[string]struct {
		output   string
		tooLarge bool
	}{
		"too large":              {string(fits) + " ", true},
		"too large in bytes":     {`"` + strings.Repeat("語", 100_000) + `"`, true},
		"not JSON":               {`{"a":`, false},
		"empty":                  {"", false},
		"not UTF-8":              {"\"a\xffb\"", false},
		"two texts":              {"1 2", false},
		"a secret is not quoted": {"canary", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := &machine{}
			err := sfntask.New(m).Success(t.Context(), token, []byte(c.output))
			require.Error(t, err)
			require.Equal(t, c.tooLarge, errors.Is(err, cqrs.ErrTooLarge))
			require.True(t, isPermanent(err))
			require.Empty(t, m.reports, "nothing is sent")
			require.NotContains(t, err.Error(), "canary")
		})
	}
}

func TestNameAndCauseAreCutOnCharacters(t *testing.T) {
	t.Parallel()
	f := &captured{}
	require.NoError(t, sfntask.New(f).Failure(t.Context(), token, strings.Repeat("語", 300), strings.Repeat("😀", 20_000)+"\xff"))
	require.Equal(t, 256, utf8.RuneCountInString(*f.failure.Error))
	require.True(t, strings.HasSuffix(*f.failure.Error, "語…"))
	require.Equal(t, 16_384, utf8.RuneCountInString(*f.failure.Cause), "each of these counts as two")
	require.True(t, utf8.ValidString(*f.failure.Cause))
}

type captured struct {
	machine
	failure *sfn.SendTaskFailureInput
}

func (c *captured) SendTaskFailure(_ context.Context, in *sfn.SendTaskFailureInput, _ ...func(*sfn.Options)) (*sfn.SendTaskFailureOutput, error) {
	c.failure = in
	return nil, nil
}

// quoting is an error of AWS that quotes the token.
func quoting[E error](with func(message *string) E) E {
	return with(aws.String("Invalid token: " + string(token)))
}

// reports are the three methods, each with arguments that AWS could take.
func reports() map[string]func(context.Context, cqrs.TaskCallback) error {
	return map[string]func(context.Context, cqrs.TaskCallback) error{
		"success":   func(ctx context.Context, cb cqrs.TaskCallback) error { return cb.Success(ctx, token, []byte("1")) },
		"failure":   func(ctx context.Context, cb cqrs.TaskCallback) error { return cb.Failure(ctx, token, "N", "c") },
		"heartbeat": func(ctx context.Context, cb cqrs.TaskCallback) error { return cb.Heartbeat(ctx, token) },
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err           error
		closed, final bool
		calls         int
	}{
		"timed out":  {quoting(func(m *string) *types.TaskTimedOut { return &types.TaskTimedOut{Message: m} }), true, false, 1},
		"no task":    {quoting(func(m *string) *types.TaskDoesNotExist { return &types.TaskDoesNotExist{Message: m} }), true, false, 1},
		"token":      {quoting(func(m *string) *types.InvalidToken { return &types.InvalidToken{Message: m} }), false, true, 1},
		"output":     {quoting(func(m *string) *types.InvalidOutput { return &types.InvalidOutput{Message: m} }), false, true, 1},
		"validation": {quoting(func(m *string) *types.ValidationException { return &types.ValidationException{Message: m} }), false, true, 1},
		"KMS throttling": {
			quoting(func(m *string) *types.KmsThrottlingException { return &types.KmsThrottlingException{Message: m} }),
			false, false, 5,
		},
		"permission": {&smithy.GenericAPIError{Code: "AccessDeniedException", Message: string(token)}, false, false, 1},
		"throttling": {&smithy.GenericAPIError{Code: "ThrottlingException"}, false, false, 1}, // the SDK has retried it already
		"network":    {errors.New("connection reset, token " + string(token)), false, false, 1},
	} {
		for method, report := range reports() {
			t.Run(name+"/"+method, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					m := &machine{fails: []error{c.err, c.err, c.err, c.err, c.err, c.err, c.err}}
					err := report(t.Context(), sfntask.New(m))
					require.ErrorIs(t, err, c.err)
					require.NotContains(t, err.Error(), "canary")
					require.Equal(t, c.closed, errors.Is(err, cqrs.ErrTaskClosed))
					require.Equal(t, c.final, isPermanent(err))
					require.Len(t, m.reports, c.calls)
				})
			})
		}
	}
}

func TestKMSThrottlingPasses(t *testing.T) {
	t.Parallel()
	for method, report := range reports() {
		t.Run(method, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := &machine{fails: []error{&types.KmsThrottlingException{}, &types.KmsThrottlingException{}}}
				require.NoError(t, report(t.Context(), sfntask.New(m)))
				require.Len(t, m.reports, 3)
			})
		})
	}
}

func TestKMSThrottlingEndsWithTheContext(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		m := &machine{fails: []error{&types.KmsThrottlingException{}, nil}}
		err := sfntask.New(m).Success(ctx, token, []byte("1"))
		require.ErrorContains(t, err, "KmsThrottlingException")
		require.Len(t, m.reports, 1)
	})
}

func TestATaskIsFailedWithoutItsKey(t *testing.T) {
	t.Parallel()
	for _, kms := range []error{
		&types.KmsAccessDeniedException{Message: aws.String(string(token))}, &types.KmsInvalidStateException{},
	} {
		for _, method := range []string{"success", "failure"} {
			t.Run(method+"/"+errorCode(kms), func(t *testing.T) {
				t.Parallel()
				m := &machine{fails: []error{kms}}
				err := reports()[method](t.Context(), sfntask.New(m))
				require.ErrorIs(t, err, kms)
				require.True(t, isPermanent(err))
				require.ErrorContains(t, err, "failed without error and cause")
				require.NotContains(t, err.Error(), "canary")
				require.Len(t, m.reports, 2)
				require.Equal(t, "failure T (none) (none)", plain(m.reports)[1])

				m = &machine{fails: []error{kms, errors.New("reset")}}
				err = reports()[method](t.Context(), sfntask.New(m))
				require.ErrorIs(t, err, kms)
				require.ErrorContains(t, err, "still waits")
				require.False(t, isPermanent(err), "the task can still be told")
			})
		}
		t.Run("heartbeat/"+errorCode(kms), func(t *testing.T) {
			t.Parallel()
			m := &machine{fails: []error{kms}}
			require.ErrorIs(t, reports()["heartbeat"](t.Context(), sfntask.New(m)), kms)
			require.Len(t, m.reports, 1, "a heartbeat fails no task")
		})
	}
}

func errorCode(err error) string {
	api, _ := errors.AsType[smithy.APIError](err)
	return api.ErrorCode()
}

func TestWithoutAToken(t *testing.T) {
	t.Parallel()
	m := &machine{}
	cb := sfntask.New(m)
	for _, err := range []error{
		cb.Success(t.Context(), "", []byte("1")), cb.Failure(t.Context(), "", "N", "cause"), cb.Heartbeat(t.Context(), ""),
	} {
		require.ErrorContains(t, err, "without a token")
		require.True(t, isPermanent(err))
	}
	require.Empty(t, m.reports)
}

func TestMisuse(t *testing.T) {
	t.Parallel()
	require.PanicsWithValue(t, "sfntask: New needs a client", func() { sfntask.New(nil) })
}

// isPermanent asks the library itself: a permanent error is not retried.
func isPermanent(err error) bool {
	calls := 0
	_, _ = cqrs.Retry(cqrs.RetryPolicy{MaxAttempts: 2, Backoff: 1})(func(context.Context, *cqrs.Delivery) (any, error) {
		calls++
		return nil, err
	})(context.Background(), nil)
	return calls == 1
}

func FuzzFailure(f *testing.F) {
	f.Add("States.Timeout", "cause \xff 語😀")
	f.Fuzz(func(t *testing.T, name, cause string) {
		c := &captured{}
		require.NoError(t, sfntask.New(c).Failure(t.Context(), token, name, cause))
		sentName, sentCause := aws.ToString(c.failure.Error), aws.ToString(c.failure.Cause)
		require.False(t, strings.HasPrefix(sentName, "States."))
		require.True(t, utf8.ValidString(sentName) && utf8.ValidString(sentCause))
		require.LessOrEqual(t, utf8.RuneCountInString(sentName), 256)
		require.LessOrEqual(t, utf8.RuneCountInString(sentCause), 32_768)
	})
}
