package scan_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// payloads are the files of testdata: events as AWS sends them.
func payloads(tb testing.TB) map[string]string {
	tb.Helper()
	paths, err := filepath.Glob("testdata/*.json")
	if err != nil || len(paths) == 0 {
		tb.Fatalf("no payloads: %v", err)
	}
	all := make(map[string]string, len(paths))
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		all[strings.TrimSuffix(filepath.Base(path), ".json")] = string(text)
	}
	return all
}

func BenchmarkValid(b *testing.B) {
	for name, text := range payloads(b) {
		b.Run(name+"/scan", func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if scan.Valid(text) != nil {
					b.Fatal("valid")
				}
			}
		})
		b.Run(name+"/json", func(b *testing.B) {
			raw := []byte(text)
			b.ReportAllocs()
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				if !json.Valid(raw) {
					b.Fatal("valid")
				}
			}
		})
	}
}
