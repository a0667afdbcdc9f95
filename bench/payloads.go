package bench

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	queueARN  = "arn:aws:sqs:eu-west-1:123456789012:notifications"
	streamARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/prod-shop-order-command/stream/2026-11-01T00:00:00.000"
)

// SQS returns a payload of n messages with bodies of about 1 KB, as AWS sends
// it: with all of the attributes and without white space.
func SQS(n int) []byte {
	records := make([]any, n)
	for i := range records {
		records[i] = sqsRecord(i)
	}
	return payload(records)
}

// DynamoDB returns a payload of n records of about 1.5 KB of a stream with new
// images.
func DynamoDB(n int) []byte {
	records := make([]any, n)
	for i := range records {
		records[i] = dynamoDBRecord(i)
	}
	return payload(records)
}

// Pings returns a payload of n messages with hardly a body, so that 10,000 of
// them are within AWS's 6 MB.
func Pings(n int) []byte {
	records := make([]any, n)
	for i := range records {
		records[i] = ordered(
			"messageId", fmt.Sprintf("059f36b4-87a3-44ab-83d2-%012d", i),
			"receiptHandle", "AQEBwJnKyrHigUMZj6rYigCgxlaS3SLy0a",
			"body", `{"type":"PING"}`,
			"attributes", map[string]string{"ApproximateReceiveCount": "1", "SentTimestamp": "1545082649183"},
			"messageAttributes", map[string]string{},
			"md5OfBody", "e4e68fb7bd0e697a0ae8f1bb342846b3",
			"eventSource", "aws:sqs",
			"eventSourceARN", queueARN,
			"awsRegion", "eu-west-1",
		)
	}
	return payload(records)
}

// HTTP is a small payload that is no event.
func HTTP() []byte {
	return []byte(`{"version":"2.0","routeKey":"GET /orders/{id}","rawPath":"/orders/o-1","rawQueryString":"","headers":` +
		`{"accept":"application/json","host":"api.example.com","x-forwarded-for":"192.0.2.1"},` +
		`"requestContext":{"accountId":"123456789012","apiId":"a1b2c3","domainName":"api.example.com","http":` +
		`{"method":"GET","path":"/orders/o-1","protocol":"HTTP/1.1","sourceIp":"192.0.2.1","userAgent":"curl/8.5.0"},` +
		`"requestId":"id","routeKey":"GET /orders/{id}","stage":"$default","timeEpoch":1545082649183},"isBase64Encoded":false}`)
}

// Custom is the smallest payload that somebody invokes a function with.
func Custom() []byte {
	return []byte(`{"action":"ping","requestId":"8f14e45f-ceea-467f-a0e6-c5d1b7a6b1c2","dryRun":true}`)
}

func payload(records []any) []byte { return encode(map[string]any{"Records": records}) }

func sqsRecord(i int) any {
	body := encode(notification(i))
	return ordered(
		"messageId", fmt.Sprintf("059f36b4-87a3-44ab-83d2-%012d", i),
		"receiptHandle", "AQEB"+strings.Repeat("wJnKyrHigUMZj6rYigCgxlaS3SLy0a", 10),
		"body", string(body),
		"attributes", map[string]string{
			"ApproximateReceiveCount":          "1",
			"SentTimestamp":                    "1545082649183",
			"SenderId":                         "AIDAIENQZJOLO23YVJ4VO",
			"ApproximateFirstReceiveTimestamp": "1545082649185",
			"AWSTraceHeader":                   "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1",
		},
		"messageAttributes", map[string]any{
			"correlationId": ordered("stringValue", fmt.Sprintf("c-%06d", i), "stringListValues", []string{},
				"binaryListValues", []string{}, "dataType", "String"),
		},
		"md5OfBody", "e4e68fb7bd0e697a0ae8f1bb342846b3",
		"eventSource", "aws:sqs",
		"eventSourceARN", queueARN,
		"awsRegion", "eu-west-1",
	)
}

func notification(i int) Notification {
	return Notification{
		Type:      "NOTIFICATION",
		ID:        fmt.Sprintf("n-%09d", i),
		Channel:   "EMAIL",
		Recipient: "ada.lovelace@example.com",
		Subject:   fmt.Sprintf("Your order o-%06d is on its way", i),
		Text: "Dear customer,\n\nyour parcel has left our warehouse and will be with you within the next two working days. " +
			"You can follow it on its way in your account.\n\nKind regards,\nThe shop",
		Priority:  3,
		Urgent:    i%7 == 0,
		Attempt:   1,
		Score:     0.8125,
		CreatedAt: time.Date(2026, 11, 1, 12, 30, i%60, 0, time.UTC),
		Order: NotificationOrder{
			ID: fmt.Sprintf("o-%06d", i), Customer: "c-1815-12-10", Total: 12345, Currency: "EUR",
			Lines: []NotificationLine{
				{SKU: "A-10001", Title: "Difference engine, brass, 25,000 parts", Quantity: 1, Price: 9900},
				{SKU: "B-20002", Title: "Punched cards, pack of 500", Quantity: 3, Price: 815},
			},
		},
		Tags:       []string{"parcel", "returning-customer", "express"},
		Parameters: map[string]string{"carrier": "DHL", "trackingId": "JD014600003812345678", "language": "en"},
	}
}

func dynamoDBRecord(i int) any {
	pk, sk := attribute("S", "ORDER#acme"), attribute("S", fmt.Sprintf("o-%09d@3", i))
	line := func(sku, title string, quantity, price int) any {
		return attribute("M", ordered("sku", attribute("S", sku), "title", attribute("S", title),
			"quantity", attribute("N", strconv.Itoa(quantity)), "price", attribute("N", strconv.Itoa(price))))
	}
	image := ordered(
		"pk", pk, "sk", sk,
		"id", attribute("S", fmt.Sprintf("ORDER#acme#o-%09d", i)),
		"code", attribute("S", fmt.Sprintf("o-%09d", i)),
		"name", attribute("S", "Order of Ada Lovelace"),
		"tenantCode", attribute("S", "acme"),
		"type", attribute("S", "ORDER"),
		"version", attribute("N", "3"),
		"status", attribute("S", "PAID"),
		"total", attribute("N", "123.45"),
		"paid", attribute("BOOL", true),
		"createdAt", attribute("S", "2026-11-01T12:30:00Z"),
		"createdBy", attribute("S", "92ca4f68-9ac6-4080-9ae2-2f02a86206a4"),
		"address", attribute("M", ordered("street", attribute("S", "12 St James's Square"), "city", attribute("S", "London"),
			"zip", attribute("S", "SW1Y 4JH"), "country", attribute("S", "GB"))),
		"lines", attribute("L", []any{
			line("A-10001", "Difference engine, brass, 25,000 parts", 1, 9900),
			line("B-20002", "Punched cards, pack of 500", 3, 815),
			line("C-30003", "Bernoulli numbers, leather-bound, signed", 2, 4711),
		}),
		"tags", attribute("SS", []string{"gift", "express"}),
		"labels", attribute("M", ordered("channel", attribute("S", "web"), "campaign", attribute("S", "autumn-2026"))),
	)
	return ordered(
		"eventID", fmt.Sprintf("%032x", i+1),
		"eventName", []string{"INSERT", "MODIFY"}[i%2],
		"eventVersion", "1.1",
		"eventSource", "aws:dynamodb",
		"awsRegion", "eu-west-1",
		"dynamodb", ordered(
			"ApproximateCreationDateTime", 1479499740,
			"Keys", ordered("pk", pk, "sk", sk),
			"NewImage", image,
			"SequenceNumber", strconv.Itoa(44215840+i)+"00000000017450439",
			"SizeBytes", 1024,
			"StreamViewType", "NEW_IMAGE",
		),
		"eventSourceARN", streamARN,
	)
}

func attribute(kind string, value any) any { return map[string]any{kind: value} }

// ordered is an object whose members keep their order, as AWS's do.
func ordered(namesAndValues ...any) json.RawMessage {
	var b bytes.Buffer
	b.WriteByte('{')
	for pair := range slices.Chunk(namesAndValues, 2) {
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.Write(encode(pair[0]))
		b.WriteByte(':')
		b.Write(encode(pair[1]))
	}
	b.WriteByte('}')
	return b.Bytes()
}

func encode(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // the payloads are made of nothing that could not be encoded
	}
	return text
}
