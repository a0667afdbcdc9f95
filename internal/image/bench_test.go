package image_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/feature/dynamodb/attributevalue"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/lambda-cqrs/cqrs/internal/image"
	"github.com/lambda-cqrs/cqrs/internal/scan"
)

type order struct {
	PK       string            `dynamodbav:"pk"`
	SK       string            `dynamodbav:"sk"`
	ID       string            `dynamodbav:"id"`
	Customer string            `dynamodbav:"customer"`
	Status   string            `dynamodbav:"status"`
	Currency string            `dynamodbav:"currency"`
	Total    float64           `dynamodbav:"total"`
	Version  int64             `dynamodbav:"version"`
	Paid     bool              `dynamodbav:"paid"`
	PlacedAt time.Time         `dynamodbav:"placedAt"`
	TTL      int64             `dynamodbav:"ttl"`
	Address  address           `dynamodbav:"address"`
	Lines    []line            `dynamodbav:"lines"`
	Tags     []string          `dynamodbav:"tags"`
	Labels   map[string]string `dynamodbav:"labels"`
	Note     *string           `dynamodbav:"note"`
}

type address struct {
	Name    string `dynamodbav:"name"`
	Street  string `dynamodbav:"street"`
	City    string `dynamodbav:"city"`
	Country string `dynamodbav:"country"`
}

type line struct {
	SKU      string  `dynamodbav:"sku"`
	Quantity int     `dynamodbav:"quantity"`
	Price    float64 `dynamodbav:"price"`
}

// flat is an order without lists and maps.
type flat struct {
	PK       string  `dynamodbav:"pk"`
	SK       string  `dynamodbav:"sk"`
	ID       string  `dynamodbav:"id"`
	Customer string  `dynamodbav:"customer"`
	Status   string  `dynamodbav:"status"`
	Total    float64 `dynamodbav:"total"`
	Version  int64   `dynamodbav:"version"`
	Paid     bool    `dynamodbav:"paid"`
}

const (
	flatText = `{"pk":{"S":"ORDER#acme"},"sk":{"S":"o-100042"},"id":{"S":"o-100042"},"customer":{"S":"c-7731"},` +
		`"status":{"S":"PAID"},"total":{"N":"129.95"},"version":{"N":"7"},"paid":{"BOOL":true}}`

	orderText = `{"pk":{"S":"ORDER#acme"},"sk":{"S":"o-100042"},"id":{"S":"o-100042"},"customer":{"S":"c-7731"},` +
		`"status":{"S":"PAID"},"currency":{"S":"EUR"},"total":{"N":"129.95"},"version":{"N":"7"},"paid":{"BOOL":true},` +
		`"placedAt":{"S":"2026-11-24T15:04:05.123Z"},"ttl":{"N":"1796050000"},` +
		`"address":{"M":{"name":{"S":"Ada Lovelace"},"street":{"S":"12 St James's Square"},"city":{"S":"London"},"country":{"S":"GB"}}},` +
		`"lines":{"L":[{"M":{"sku":{"S":"A-1"},"quantity":{"N":"2"},"price":{"N":"12.50"}}},` +
		`{"M":{"sku":{"S":"B-2"},"quantity":{"N":"1"},"price":{"N":"104.95"}}}]},` +
		`"tags":{"SS":["gift","new"]},"labels":{"M":{"channel":{"S":"web"},"campaign":{"S":"winter"}}},"note":{"NULL":true}}`
)

func BenchmarkUnmarshal(b *testing.B) {
	b.Run("flat/cqrs", func(b *testing.B) { benchUnmarshal[flat](b, flatText) })
	b.Run("flat/attributevalue", func(b *testing.B) { benchAttributevalue[flat](b, flatText) })
	b.Run("order/cqrs", func(b *testing.B) { benchUnmarshal[order](b, orderText) })
	b.Run("order/attributevalue", func(b *testing.B) { benchAttributevalue[order](b, orderText) })
	b.Run("any/cqrs", func(b *testing.B) { benchUnmarshal[map[string]any](b, orderText) })
	b.Run("any/attributevalue", func(b *testing.B) { benchAttributevalue[map[string]any](b, orderText) })
}

func benchUnmarshal[T any](b *testing.B, text string) {
	b.Helper()
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		var v T
		if err := image.Unmarshal(text, &v); err != nil {
			b.Fatal(err)
		}
	}
}

// benchAttributevalue is what a team writes today: aws-lambda-go reads the
// image, the team turns it into the SDK's values, attributevalue decodes those.
func benchAttributevalue[T any](b *testing.B, text string) {
	b.Helper()
	raw := []byte(text)
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		var members map[string]events.DynamoDBAttributeValue
		if err := json.Unmarshal(raw, &members); err != nil {
			b.Fatal(err)
		}
		var v T
		if err := attributevalue.UnmarshalMap(sdkItem(members), &v); err != nil {
			b.Fatal(err)
		}
	}
}

func sdkItem(members map[string]events.DynamoDBAttributeValue) item {
	out := make(item, len(members))
	for name, value := range members {
		out[name] = sdkValue(value)
	}
	return out
}

func sdkValue(value events.DynamoDBAttributeValue) types.AttributeValue {
	switch value.DataType() {
	case events.DataTypeString:
		return &types.AttributeValueMemberS{Value: value.String()}
	case events.DataTypeNumber:
		return &types.AttributeValueMemberN{Value: value.Number()}
	case events.DataTypeBinary:
		return &types.AttributeValueMemberB{Value: value.Binary()}
	case events.DataTypeBoolean:
		return &types.AttributeValueMemberBOOL{Value: value.Boolean()}
	case events.DataTypeMap:
		return &types.AttributeValueMemberM{Value: sdkItem(value.Map())}
	case events.DataTypeList:
		list := make([]types.AttributeValue, 0, len(value.List()))
		for _, element := range value.List() {
			list = append(list, sdkValue(element))
		}
		return &types.AttributeValueMemberL{Value: list}
	case events.DataTypeStringSet:
		return &types.AttributeValueMemberSS{Value: value.StringSet()}
	case events.DataTypeNumberSet:
		return &types.AttributeValueMemberNS{Value: value.NumberSet()}
	case events.DataTypeBinarySet:
		return &types.AttributeValueMemberBS{Value: value.BinarySet()}
	default:
		return &types.AttributeValueMemberNULL{Value: true}
	}
}

func BenchmarkText(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if image.Text(orderText, "status") != "PAID" {
			b.Fatal("not found")
		}
	}
}

func BenchmarkPeek(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if image.Peek(orderText, "status") != "PAID" {
			b.Fatal("not found")
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	b.ReportAllocs()
	b.SetBytes(int64(len(orderText)))
	for b.Loop() {
		if err := image.Check(orderText); err != nil {
			b.Fatal(err)
		}
	}
}

// batch is an invocation with 100 changes of an order.
func batch() string {
	record := `{"eventID":"58a9a823bd4dd415ba44d198a15abde5","eventName":"MODIFY","eventVersion":"1.1","eventSource":"aws:dynamodb",` +
		`"awsRegion":"eu-west-1","dynamodb":{"ApproximateCreationDateTime":1764000000,"Keys":{"pk":{"S":"ORDER#acme"},"sk":{"S":"o-100042"}},` +
		`"NewImage":` + orderText + `,"OldImage":` + orderText + `,"SequenceNumber":"44215845000000000174504392","SizeBytes":545,` +
		`"StreamViewType":"NEW_AND_OLD_IMAGES"},"eventSourceARN":"arn:aws:dynamodb:eu-west-1:123456789012:table/orders/stream/2026"}`
	return `{"Records":[` + strings.Repeat(record+`,`, 99) + record + `]}`
}

// BenchmarkBatch compares what decoding costs of a batch, new images into
// structs, without the rest of an invocation.
func BenchmarkBatch(b *testing.B) {
	text := batch()
	b.Run("cqrs", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			s := scan.NewDepth(text, 2*scan.MaxDepth)
			if orders, err := walkBatch(&s, nil); err != nil || len(orders) != 100 || orders[99].Total != 129.95 {
				b.Fatal(err)
			}
		}
	})
	b.Run("attributevalue", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			var event events.DynamoDBEvent
			if err := json.Unmarshal([]byte(text), &event); err != nil {
				b.Fatal(err)
			}
			for i := range event.Records {
				var v order
				if err := attributevalue.UnmarshalMap(sdkItem(event.Records[i].Change.NewImage), &v); err != nil || v.Total != 129.95 {
					b.Fatal(err)
				}
			}
		}
	})
}

// walkBatch decodes every NewImage in an event.
func walkBatch(s *scan.Scanner, orders []*order) ([]*order, error) {
	switch s.Kind() {
	case scan.Object:
		s.Object()
		for name, ok := s.Field(); ok; name, ok = s.Field() {
			switch name {
			case "Records", "dynamodb":
				orders, _ = walkBatch(s, orders)
			case "NewImage":
				v := new(order)
				if err := image.Decode(s, v, nil); err != nil {
					return nil, err
				}
				orders = append(orders, v)
			default:
				s.Skip()
			}
		}
	case scan.Array:
		s.Array()
		for s.Element() {
			orders, _ = walkBatch(s, orders)
		}
	default:
		s.Skip()
	}
	return orders, s.Err()
}
