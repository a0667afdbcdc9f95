package bench_test

import (
	"testing"

	"github.com/lambda-cqrs/cqrs/bench"
)

func benchmark(b *testing.B, name string) {
	b.Helper()
	for _, way := range bench.New(name).Ways {
		b.Run(way.Name, func(b *testing.B) {
			b.SetBytes(int64(way.Bytes))
			b.ReportAllocs()
			for b.Loop() {
				if err := way.Run(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(way.Per), "ns/record")
		})
	}
}

func BenchmarkSQS(b *testing.B)       { benchmark(b, bench.CaseSQS) }
func BenchmarkDynamoDB(b *testing.B)  { benchmark(b, bench.CaseDynamoDB) }
func BenchmarkDispatch(b *testing.B)  { benchmark(b, bench.CaseDispatch) }
func BenchmarkDetection(b *testing.B) { benchmark(b, bench.CaseDetection) }
func BenchmarkGrowth(b *testing.B)    { benchmark(b, bench.CaseGrowth) }
