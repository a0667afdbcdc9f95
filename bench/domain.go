package bench

import "time"

// Notification is the body of the SQS messages, about 1 KB as JSON.
type Notification struct {
	Type       string            `json:"type"`
	ID         string            `json:"id"`
	Channel    string            `json:"channel"`
	Recipient  string            `json:"recipient"`
	Subject    string            `json:"subject"`
	Text       string            `json:"text"`
	Priority   int               `json:"priority"`
	Urgent     bool              `json:"urgent"`
	Attempt    int64             `json:"attempt"`
	Score      float64           `json:"score"`
	CreatedAt  time.Time         `json:"createdAt"`
	Order      NotificationOrder `json:"order"`
	Tags       []string          `json:"tags"`
	Parameters map[string]string `json:"parameters"`
}

// NotificationOrder is what a notification is about.
type NotificationOrder struct {
	ID       string             `json:"id"`
	Customer string             `json:"customer"`
	Total    int64              `json:"total"`
	Currency string             `json:"currency"`
	Lines    []NotificationLine `json:"lines"`
}

// NotificationLine is one line of it.
type NotificationLine struct {
	SKU      string `json:"sku"`
	Title    string `json:"title"`
	Quantity int    `json:"quantity"`
	Price    int64  `json:"price"`
}

// Order is the item of the DynamoDB records, about 1 KB in DynamoDB's JSON.
type Order struct {
	PK         string            `dynamodbav:"pk"`
	SK         string            `dynamodbav:"sk"`
	ID         string            `dynamodbav:"id"`
	Code       string            `dynamodbav:"code"`
	Name       string            `dynamodbav:"name"`
	TenantCode string            `dynamodbav:"tenantCode"`
	Type       string            `dynamodbav:"type"`
	Version    int64             `dynamodbav:"version"`
	Status     string            `dynamodbav:"status"`
	Total      float64           `dynamodbav:"total"`
	Paid       bool              `dynamodbav:"paid"`
	CreatedAt  time.Time         `dynamodbav:"createdAt"`
	CreatedBy  string            `dynamodbav:"createdBy"`
	Address    Address           `dynamodbav:"address"`
	Lines      []OrderLine       `dynamodbav:"lines"`
	Tags       []string          `dynamodbav:"tags,stringset"`
	Labels     map[string]string `dynamodbav:"labels"`
}

// Address is where an order goes.
type Address struct {
	Street  string `dynamodbav:"street"`
	City    string `dynamodbav:"city"`
	Zip     string `dynamodbav:"zip"`
	Country string `dynamodbav:"country"`
}

// OrderLine is one line of an order.
type OrderLine struct {
	SKU      string `dynamodbav:"sku"`
	Title    string `dynamodbav:"title"`
	Quantity int    `dynamodbav:"quantity"`
	Price    int64  `dynamodbav:"price"`
}
