package dynamostore

import (
	"errors"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// failedCondition returns the item on which a conditional write failed, nil where
// there is none, and whether err is about a condition at all.
func failedCondition(err error) (item map[string]types.AttributeValue, ok bool) {
	failed, ok := errors.AsType[*types.ConditionalCheckFailedException](err)
	if !ok {
		return nil, false
	}
	return failed.Item, true
}
