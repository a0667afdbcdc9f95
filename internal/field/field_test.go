package field_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/lambda-cqrs/cqrs/internal/field"
)

type (
	Deep struct{ Twice string }
	base struct {
		ID, Shared string
		Tagged     int `name:"t"`
	}
	// Left and Right have fields of the same name.
	Left struct {
		Deep
		Both, Won string
	}
	Right struct {
		Deep
		Both string
		Won  string `name:"Won"`
	}
	whole struct {
		base
		*Left
		Right   `name:""`
		Named   Left `name:"named"`
		Shared  bool
		Ignored int `name:"-"`
		hidden  int //nolint:unused // it takes no member
	}
)

func nameOf(f reflect.StructField) (string, bool) {
	name := f.Tag.Get("name")
	return name, name != "-"
}

func TestList(t *testing.T) {
	t.Parallel()
	var names []string
	for _, f := range field.List(reflect.TypeFor[whole](), nameOf) {
		names = append(names, f.Name)
		require.Equal(t, reflect.TypeFor[whole]().FieldByIndex(f.Index).Type, f.Type)
	}
	require.Equal(t, []string{"ID", "t", "Won", "named", "Shared"}, names)
}

func TestLocate(t *testing.T) {
	t.Parallel()
	var v whole
	target := reflect.ValueOf(&v).Elem()
	got, ok := field.Locate(target, []int{1, 1})
	require.True(t, ok)
	got.SetString("x")
	require.Equal(t, "x", v.Left.Both)
	got, ok = field.Locate(target, []int{4})
	require.True(t, ok)
	got.SetBool(true)
	require.True(t, v.Shared)

	type hides struct{ *base }
	_, ok = field.Locate(reflect.ValueOf(&hides{}).Elem(), []int{0, 0})
	require.False(t, ok, "nobody else can make an unexported struct")
	_, ok = field.Locate(reflect.ValueOf(&hides{base: &base{}}).Elem(), []int{0, 0})
	require.True(t, ok)
}

// TestIndexLikeEqualFold compares with a search through all the names.
func TestIndexLikeEqualFold(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.StringMatching(`[aAbBkKK漢ſsSßẞσςΣ\x{345}ι]{0,4}`)
		names := rapid.SliceOfNDistinct(word, 0, 40, rapid.ID).Draw(t, "names")
		index := field.NewIndex(names)
		for _, name := range append(names, rapid.SliceOf(word).Draw(t, "others")...) {
			want, exactly := -1, -1
			for i, known := range names {
				if known == name {
					exactly = i
				}
				if want < 0 && strings.EqualFold(known, name) {
					want = i
				}
			}
			if exactly >= 0 {
				want = exactly
			}
			i, exact, ok := index.Find(name)
			require.Equal(t, want >= 0, ok, "%q in %q", name, names)
			require.Equal(t, exactly >= 0, exact)
			if ok {
				require.Equal(t, want, i, "%q in %q", name, names)
				require.Equal(t, names[i], index.Name(i))
			}
		}
	})
}

func TestTheFirstOfNamesThatDifferInCase(t *testing.T) {
	t.Parallel()
	index := field.NewIndex([]string{"other", "Name", "NAME", "name"})
	for name, want := range map[string]int{"Name": 1, "NAME": 2, "name": 3, "nAME": 1} {
		i, exact, ok := index.Find(name)
		require.True(t, ok)
		require.Equal(t, want, i, name)
		require.Equal(t, name != "nAME", exact)
	}
}

func TestSet(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		var set field.Set
		seen := map[int]bool{}
		for _, i := range rapid.SliceOf(rapid.IntRange(0, 300)).Draw(t, "fields") {
			require.Equal(t, seen[i], set.Has(i))
			require.Equal(t, !seen[i], set.Add(i))
			seen[i] = true
		}
	})
}
