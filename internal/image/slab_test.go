package image_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/internal/image"
	"github.com/lambda-cqrs/cqrs/internal/scan"
)

type tagged struct {
	Tags []string `dynamodbav:"tags"`
}

// TestSlab decodes sets of all sizes around that of a slab, and lets each owner do
// with its own what it wants.
func TestSlab(t *testing.T) {
	t.Parallel()
	var slab image.Slab
	var items []tagged
	var want [][]string
	for i := range 200 {
		tags := make([]string, i%20)
		for j := range tags {
			tags[j] = fmt.Sprint(i, "-", j)
		}
		text := `{"tags":{"SS":[]}}`
		if len(tags) > 0 {
			text = `{"tags":{"SS":["` + strings.Join(tags, `","`) + `"]}}`
		}
		s := scan.NewDepth(text, image.Brackets)
		var item tagged
		require.NoError(t, image.Decode(&s, &item, &slab))
		require.NotNil(t, item.Tags, "an empty set is no nil")
		items, want = append(items, item), append(want, tags)
	}
	for _, item := range items {
		_ = append(item.Tags, "of one alone")
	}
	for i, item := range items {
		require.Equal(t, want[i], item.Tags)
		require.Len(t, item.Tags, cap(item.Tags))
	}
}

func TestSlabAllocatesTogether(t *testing.T) {
	const text = `{"tags":{"SS":["gift","express"]}}`
	var slab image.Slab
	var item tagged
	allocations := testing.AllocsPerRun(320, func() {
		s := scan.NewDepth(text, image.Brackets)
		require.NoError(t, image.Decode(&s, &item, &slab))
	})
	require.Zero(t, allocations, "on average, rounded down")
}
