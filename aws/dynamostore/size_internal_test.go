package dynamostore

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"
)

// The sizes are worked out by hand from
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
func TestItemSize(t *testing.T) {
	t.Parallel()
	s := func(text string) types.AttributeValue { return &types.AttributeValueMemberS{Value: text} }
	for name, c := range map[string]struct {
		value types.AttributeValue
		size  int
		most  int // numbers are counted generously
	}{
		"text":       {s("héllo"), 6, 6},
		"bytes":      {&types.AttributeValueMemberB{Value: []byte{1, 2}}, 2, 2},
		"number":     {&types.AttributeValueMemberN{Value: "123"}, 3, 4},
		"negative":   {&types.AttributeValueMemberN{Value: "-123"}, 4, 5},
		"long":       {&types.AttributeValueMemberN{Value: strings.Repeat("9", 38)}, 20, 21},
		"true":       {&types.AttributeValueMemberBOOL{Value: true}, 1, 1},
		"null":       {&types.AttributeValueMemberNULL{Value: true}, 1, 1},
		"texts":      {&types.AttributeValueMemberSS{Value: []string{"ab", "c"}}, 3, 3},
		"numbers":    {&types.AttributeValueMemberNS{Value: []string{"1", "2"}}, 4, 6},
		"byte sets":  {&types.AttributeValueMemberBS{Value: [][]byte{{1}, {2, 3}}}, 3, 3},
		"list":       {&types.AttributeValueMemberL{Value: []types.AttributeValue{s("ab"), s("c")}}, 3 + 2 + 3, 3 + 2 + 3},
		"map":        {&types.AttributeValueMemberM{Value: map[string]types.AttributeValue{"k": s("ab")}}, 3 + 1 + 1 + 2, 3 + 1 + 1 + 2},
		"empty list": {&types.AttributeValueMemberL{}, 3, 3},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			size := itemSize(map[string]types.AttributeValue{"name": c.value}) - len("name")
			require.GreaterOrEqual(t, size, c.size)
			require.LessOrEqual(t, size, c.most)
		})
	}
}
