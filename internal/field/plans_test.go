package field_test

import (
	"reflect"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/internal/field"
)

type node struct {
	Next *node
	Text string
}

type shape struct {
	typ   reflect.Type
	parts []*shape
}

// A type that is part of itself has one plan, whoever asks for it, and whichever part
// was asked for first.
func TestPlansOfATypeThatIsPartOfItself(t *testing.T) {
	t.Parallel()
	var plans field.Plans[shape]
	fill := func(b field.Builder[shape], p *shape, t reflect.Type) {
		p.typ = t
		switch t.Kind() {
		case reflect.Pointer:
			p.parts = []*shape{b.Plan(t.Elem())}
		case reflect.Struct:
			for field := range t.Fields() {
				p.parts = append(p.parts, b.Plan(field.Type))
			}
		}
	}
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			typ := reflect.TypeFor[node]()
			if i%2 == 0 {
				typ = reflect.TypeFor[*node]()
			}
			require.Equal(t, typ, plans.Of(typ, fill).typ)
		})
	}
	group.Wait()
	p := plans.Of(reflect.TypeFor[node](), fill)
	require.Equal(t, reflect.TypeFor[node](), p.typ)
	require.Equal(t, reflect.TypeFor[*node](), p.parts[0].typ)
	require.Equal(t, reflect.TypeFor[node](), p.parts[0].parts[0].typ)
	require.Equal(t, reflect.TypeFor[string](), p.parts[1].typ)
	require.Same(t, p, plans.Of(reflect.TypeFor[node](), nil), "it is made once")
}
