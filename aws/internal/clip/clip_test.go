package clip_test

import (
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/aws/internal/clip"
)

func TestCharacters(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text  string
		limit int
		want  string
	}{
		"fits":                      {"日本語", 3, "日本語"},
		"cut":                       {"日本語です", 3, "日本…"},
		"outside the basic plane":   {"😀😀", 3, "😀…"},
		"no half of a surrogate":    {"a😀b", 2, "a…"},
		"only room for the mark":    {"ab", 1, "…"},
		"no room":                   {"a", 0, ""},
		"not UTF-8":                 {"a\xffb", 3, "a\uFFFDb"},
		"not UTF-8, cut":            {"\xff\xff\xff", 2, "\uFFFD…"},
		"empty":                     {"", 5, ""},
		"ends with the mark itself": {"ab…", 3, "ab…"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, c.want, clip.Characters(c.text, c.limit))
		})
	}
}

func TestBytes(t *testing.T) {
	t.Parallel()
	require.Equal(t, "日本", clip.Bytes("日本", 6))
	require.Equal(t, "…", clip.Bytes("日本", 5))
	require.Equal(t, "a…", clip.Bytes("a日本", 6))
	require.Empty(t, clip.Bytes("日本", 2))
}

func FuzzClip(f *testing.F) {
	f.Add("日本語 text 😀\xff", 5)
	f.Add(strings.Repeat("😀", 40), 7)
	f.Fuzz(func(t *testing.T, text string, limit int) {
		limit %= 64
		for name, clipped := range map[string]string{"characters": clip.Characters(text, limit), "bytes": clip.Bytes(text, limit)} {
			require.True(t, utf8.ValidString(clipped), name)
			size := len(clipped)
			if name == "characters" {
				size = len(utf16.Encode([]rune(clipped)))
				require.Equal(t, clipped, clip.Characters(clipped, limit), "again")
			} else {
				require.Equal(t, clipped, clip.Bytes(clipped, limit), "again")
			}
			require.LessOrEqual(t, size, max(limit, 0), name)
		}
		if len(text) <= limit && utf8.ValidString(text) {
			require.Equal(t, text, clip.Bytes(text, limit), "what fits is kept")
		}
	})
}
