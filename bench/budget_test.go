package bench_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/bench"
)

// budgets are the allocations of one run that nobody may exceed without saying
// so here. They hardly vary, whatever the machine does, unlike any time.
var budgets = map[string]map[string]float64{
	bench.CaseSQS: {
		"Mux": 90, "factory, encoding/json": 635, "Mux, idempotent, first run": 250, "Mux, idempotent, duplicates": 175,
	},
	bench.CaseDynamoDB: {"Mux": 435, "factory, Image.Unmarshal": 725},
	bench.CaseDispatch: {"no middleware": 60, "5 middlewares": 60},
	bench.CaseDetection: {
		"custom payload of 82 bytes to Fallback": 0, "HTTP request of 511 bytes to Fallback": 0,
	},
}

func TestAllocationBudgets(t *testing.T) {
	if raceDetector {
		t.Skip("under the race detector a sync.Pool drops values at random")
	}
	checked := 0
	for _, name := range bench.Names() {
		c := bench.New(name)
		for _, way := range c.Ways {
			budget, ok := budgets[c.Name][way.Name]
			if !ok {
				continue
			}
			checked++
			allocations := testing.AllocsPerRun(50, func() { require.NoError(t, way.Run()) })
			t.Logf("%s, %s: %.0f of %.0f", c.Name, way.Name, allocations, budget)
			require.LessOrEqual(t, allocations, budget, "%s, %s", c.Name, way.Name)
		}
	}
	require.Equal(t, 10, checked, "every budget is checked")
}
