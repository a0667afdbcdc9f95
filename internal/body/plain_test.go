package body_test

import (
	"encoding/json"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/internal/body"
)

// reads keeps nothing, but might.
type reads struct{}

func (*reads) UnmarshalJSON([]byte) error { return nil }

func TestIsPlain(t *testing.T) {
	t.Parallel()
	require.True(t, body.IsPlain(reflect.TypeFor[struct {
		Text    string
		At      time.Time
		Raw     json.RawMessage
		Inner   struct{ Numbers [2]int }
		Pointer *reads
		List    []reads
		Map     map[string]netip.Addr
		Any     any
	}]()))
	for _, typ := range []reflect.Type{
		reflect.TypeFor[reads](),
		reflect.TypeFor[netip.Addr](),
		reflect.TypeFor[[2]reads](),
		reflect.TypeFor[struct{ Inner struct{ All [1]netip.Addr } }](),
		reflect.TypeFor[struct{ Of reads }](),
		reflect.TypeFor[map[float64]string](),
	} {
		require.False(t, body.IsPlain(typ), typ)
	}
}
