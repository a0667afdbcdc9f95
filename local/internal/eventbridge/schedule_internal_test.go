package eventbridge

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSchedules(t *testing.T) {
	t.Parallel()
	friday := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for expression, want := range map[string]string{
		"rate(1 minute)":              "2026-01-02T03:05:05Z",
		"rate(12 hours)":              "2026-01-02T15:04:05Z",
		"rate(2 days)":                "2026-01-04T03:04:05Z",
		"cron(* * * * ? *)":           "2026-01-02T03:05:00Z",
		"cron(0/15 * * * ? *)":        "2026-01-02T03:15:00Z",
		"cron(5,10 3 * * ? *)":        "2026-01-02T03:05:00Z",
		"cron(0 18 ? * MON-FRI *)":    "2026-01-02T18:00:00Z",
		"cron(0 2 ? * MON-FRI *)":     "2026-01-05T02:00:00Z",
		"cron(0 0 ? * 1 *)":           "2026-01-04T00:00:00Z",
		"cron(30 8 1 * ? *)":          "2026-02-01T08:30:00Z",
		"cron(0 0 29 2 ? *)":          "2028-02-29T00:00:00Z",
		"cron(0 0 31 JAN,MAR ? 2027)": "2027-01-31T00:00:00Z",
		"cron(0 0 1 1 ? 2025)":        "0001-01-01T00:00:00Z",
	} {
		next, err := parseSchedule(expression)
		require.NoError(t, err, expression)
		require.Equal(t, want, next(friday).Format(time.RFC3339), expression)
	}
	for _, expression := range []string{
		"", "rate(0 minutes)", "rate(1 minutes)", "rate(2 minute)", "rate(1 week)", "cron(* * * * *)", "cron(* * * * * *)", "cron(* * ? * ? *)",
		"cron(60 * * * ? *)", "cron(0 0 L * ? *)", "cron(0 0 ? * 6#3 *)", "cron(0/0 * * * ? *)", "every day",
	} {
		_, err := parseSchedule(expression)
		require.Error(t, err, expression)
	}
}
