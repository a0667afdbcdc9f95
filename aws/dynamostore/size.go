package dynamostore

import "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

// maxItem is the most bytes that an item may have, names included.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html
const maxItem = 400 << 10

// itemSize returns the size of an item as DynamoDB counts it. Numbers are counted
// generously, so it is never too small.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
func itemSize(item map[string]types.AttributeValue) int {
	size := 0
	for name, value := range item {
		size += len(name) + valueSize(value)
	}
	return size
}

func valueSize(value types.AttributeValue) int {
	switch v := value.(type) {
	case *types.AttributeValueMemberS:
		return len(v.Value)
	case *types.AttributeValueMemberB:
		return len(v.Value)
	case *types.AttributeValueMemberN:
		return numberSize(v.Value)
	case *types.AttributeValueMemberSS:
		return sum(v.Value, func(s string) int { return len(s) })
	case *types.AttributeValueMemberNS:
		return sum(v.Value, numberSize)
	case *types.AttributeValueMemberBS:
		return sum(v.Value, func(b []byte) int { return len(b) })
	case *types.AttributeValueMemberL:
		return 3 + sum(v.Value, func(e types.AttributeValue) int { return 1 + valueSize(e) })
	case *types.AttributeValueMemberM:
		return 3 + len(v.Value) + itemSize(v.Value)
	default:
		return 1
	}
}

// numberSize is one byte for two digits, one for the exponent, one for a sign.
func numberSize(number string) int { return (len(number)+1)/2 + 2 }

func sum[T any](values []T, size func(T) int) int {
	total := 0
	for _, value := range values {
		total += size(value)
	}
	return total
}
