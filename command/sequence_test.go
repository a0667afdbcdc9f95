package command_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
)

// lastKey remembers which counter was asked.
type lastKey struct {
	command.Counter

	key cqrs.Key
}

func (l *lastKey) Next(ctx context.Context, key cqrs.Key) (int64, error) {
	l.key = key
	return l.Counter.Next(ctx, key)
}

func TestSequenceFormatsAndRotates(t *testing.T) {
	t.Parallel()
	tokyo := time.FixedZone("JST", 9*60*60)
	for name, test := range map[string]struct {
		sequence  command.Sequence
		codes     []string
		sk        string
		formatted string
	}{
		"plain":         {command.Sequence{}, nil, "invoice#none", "1"},
		"codes":         {command.Sequence{Format: "%%code1%%/%%code2%%-%%no#:0>5%%"}, []string{"A", "B"}, "invoice#A#B#none", "A/B-00001"},
		"yearly":        {command.Sequence{Rotation: command.RotateYearly, Format: "%%year%%%%no#:_>3%%"}, nil, "invoice#2026", "2026__1"},
		"monthly":       {command.Sequence{Rotation: command.RotateMonthly, Format: "%%year%%-%%month%%"}, nil, "invoice#202603", "2026-03"},
		"daily":         {command.Sequence{Rotation: command.RotateDaily, Format: "%%day%%"}, nil, "invoice#20260331", "31"},
		"a day there":   {command.Sequence{Rotation: command.RotateDaily, Location: tokyo}, nil, "invoice#20260401", "1"},
		"fiscal":        {command.Sequence{Rotation: command.RotateFiscally, Format: "FY%%fiscalYear%%"}, nil, "invoice#2025", "FY2025"},
		"fiscal there":  {command.Sequence{Rotation: command.RotateFiscally, Location: tokyo}, nil, "invoice#2026", "1"},
		"fiscal start":  {command.Sequence{Rotation: command.RotateFiscally, FiscalStart: time.March}, nil, "invoice#2026", "1"},
		"text goes by":  {command.Sequence{Format: "100% #%%no%%"}, nil, "invoice#none", "100% #1"},
		"wide is whole": {command.Sequence{Format: "%%code1#:0>2%%"}, []string{"ABC"}, "invoice#ABC#none", "ABC"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(time.Date(2026, 3, 31, 20, 0, 0, 0, time.UTC)))
				counter := &lastKey{Counter: command.NewMemoryCounter()}
				test.sequence.Counter, test.sequence.Type = counter, "invoice"
				n, err := test.sequence.Next(t.Context(), "acme", test.codes...)
				require.NoError(t, err)
				require.Equal(t, int64(1), n.No)
				require.Equal(t, test.formatted, n.Formatted)
				require.True(t, n.IssuedAt.Equal(time.Now()))
				require.Equal(t, cqrs.Key{PK: "SEQ#acme", SK: test.sk}, counter.key)
				n, err = test.sequence.Next(t.Context(), "acme", test.codes...)
				require.NoError(t, err)
				require.Equal(t, int64(2), n.No)
			})
		})
	}
}

func TestSequenceRefusesBeforeANumberIsSpent(t *testing.T) {
	t.Parallel()
	counter := &lastKey{Counter: command.NewMemoryCounter()}
	for name, s := range map[string]command.Sequence{
		"no counter": {Type: "invoice"}, "no type": {Counter: counter}, "a separator": {Counter: counter, Type: "a#b"},
		"open": {Counter: counter, Type: "x", Format: "%%no"}, "unknown": {Counter: counter, Type: "x", Format: "%%nope%%"},
		"code": {Counter: counter, Type: "x", Format: "%%code1%%"}, "padding": {Counter: counter, Type: "x", Format: "%%no#:0<5%%"},
		"width": {Counter: counter, Type: "x", Format: "%%no#:0>999%%"}, "rotation": {Counter: counter, Type: "x", Rotation: "hourly"},
	} {
		_, err := s.Next(t.Context(), "acme")
		require.Error(t, err, name)
	}
	_, err := command.Sequence{Counter: counter, Type: "x"}.Next(t.Context(), "acme", "1", "2", "3", "4", "5", "6")
	require.ErrorContains(t, err, "at most 5")
	require.Zero(t, counter.key)
}
