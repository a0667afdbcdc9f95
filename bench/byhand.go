package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// The functions of this file are what a team writes with aws-lambda-go, the
// standard library and the SDK.

// SQSByHand handles the messages one by one and reports those that failed.
func SQSByHand(
	handle func(context.Context, Notification) error,
) func(context.Context, events.SQSEvent) (events.SQSEventResponse, error) {
	one := func(ctx context.Context, message *events.SQSMessage) error {
		var kind struct {
			Type string `json:"type"`
		}
		if err := json.Unmarshal([]byte(message.Body), &kind); err != nil {
			return fmt.Errorf("message %s: %w", message.MessageId, err)
		}
		if kind.Type != "NOTIFICATION" {
			return fmt.Errorf("message %s: unknown type %q", message.MessageId, kind.Type)
		}
		var notification Notification
		if err := json.Unmarshal([]byte(message.Body), &notification); err != nil {
			return fmt.Errorf("message %s: %w", message.MessageId, err)
		}
		return handle(ctx, notification)
	}
	return func(ctx context.Context, event events.SQSEvent) (events.SQSEventResponse, error) {
		response := events.SQSEventResponse{BatchItemFailures: []events.SQSBatchItemFailure{}}
		for i := range event.Records {
			if err := one(ctx, &event.Records[i]); err != nil {
				response.BatchItemFailures = append(response.BatchItemFailures,
					events.SQSBatchItemFailure{ItemIdentifier: event.Records[i].MessageId})
			}
		}
		return response, nil
	}
}

// DynamoDBByHand handles the records in order and reports the first that failed.
func DynamoDBByHand(
	handle func(context.Context, Order) error,
) func(context.Context, events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
	one := func(ctx context.Context, record *events.DynamoDBEventRecord) error {
		if record.EventName != "INSERT" && record.EventName != "MODIFY" {
			return nil
		}
		pk, ok := record.Change.Keys["pk"]
		if !ok || pk.DataType() != events.DataTypeString || !strings.HasPrefix(pk.String(), "ORDER#") {
			return nil
		}
		item, err := toAttributes(record.Change.NewImage)
		if err != nil {
			return err
		}
		var order Order
		if err := attributevalue.UnmarshalMap(item, &order); err != nil {
			return err
		}
		return handle(ctx, order)
	}
	return func(ctx context.Context, event events.DynamoDBEvent) (events.DynamoDBEventResponse, error) {
		response := events.DynamoDBEventResponse{BatchItemFailures: []events.DynamoDBBatchItemFailure{}}
		for i := range event.Records {
			if err := one(ctx, &event.Records[i]); err != nil {
				response.BatchItemFailures = append(response.BatchItemFailures,
					events.DynamoDBBatchItemFailure{ItemIdentifier: event.Records[i].Change.SequenceNumber})
				break
			}
		}
		return response, nil
	}
}

// toAttributes makes the SDK's attribute values of aws-lambda-go's, for which
// neither of the two has a function.
func toAttributes(from map[string]events.DynamoDBAttributeValue) (map[string]types.AttributeValue, error) {
	to := make(map[string]types.AttributeValue, len(from))
	for name, value := range from {
		converted, err := toAttribute(value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		to[name] = converted
	}
	return to, nil
}

var errUnknownType = errors.New("an attribute of an unknown type")

func toAttribute(from events.DynamoDBAttributeValue) (types.AttributeValue, error) {
	switch from.DataType() {
	case events.DataTypeNull:
		return &types.AttributeValueMemberNULL{Value: from.IsNull()}, nil
	case events.DataTypeBoolean:
		return &types.AttributeValueMemberBOOL{Value: from.Boolean()}, nil
	case events.DataTypeBinary:
		return &types.AttributeValueMemberB{Value: from.Binary()}, nil
	case events.DataTypeBinarySet:
		return &types.AttributeValueMemberBS{Value: from.BinarySet()}, nil
	case events.DataTypeNumber:
		return &types.AttributeValueMemberN{Value: from.Number()}, nil
	case events.DataTypeNumberSet:
		return &types.AttributeValueMemberNS{Value: from.NumberSet()}, nil
	case events.DataTypeString:
		return &types.AttributeValueMemberS{Value: from.String()}, nil
	case events.DataTypeStringSet:
		return &types.AttributeValueMemberSS{Value: from.StringSet()}, nil
	case events.DataTypeMap:
		members, err := toAttributes(from.Map())
		return &types.AttributeValueMemberM{Value: members}, err
	case events.DataTypeList:
		elements := make([]types.AttributeValue, len(from.List()))
		for i, element := range from.List() {
			converted, err := toAttribute(element)
			if err != nil {
				return nil, err
			}
			elements[i] = converted
		}
		return &types.AttributeValueMemberL{Value: elements}, nil
	default:
		return nil, errUnknownType
	}
}
