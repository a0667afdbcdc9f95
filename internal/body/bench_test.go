package body_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/lambda-cqrs/cqrs/internal/body"
)

type placed struct {
	Type     string            `json:"type"`
	ID       string            `json:"id"`
	Customer customer          `json:"customer"`
	Total    float64           `json:"total"`
	Count    int               `json:"count"`
	Paid     bool              `json:"paid"`
	PlacedAt time.Time         `json:"placedAt"`
	Lines    []line            `json:"lines"`
	Tags     []string          `json:"tags"`
	Labels   map[string]string `json:"labels"`
	Note     *string           `json:"note"`
}

type customer struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

type line struct {
	SKU      string  `json:"sku"`
	Quantity int     `json:"quantity"`
	Price    float64 `json:"price"`
}

// notification is a flat message.
type notification struct {
	Type      string `json:"type"`
	ID        string `json:"id"`
	Channel   string `json:"channel"`
	Recipient string `json:"recipient"`
	Subject   string `json:"subject"`
	Attempt   int    `json:"attempt"`
	Urgent    bool   `json:"urgent"`
}

const (
	notificationText = `{"type":"NOTIFICATION","id":"n-100042","channel":"EMAIL","recipient":"ada@example.com",` +
		`"subject":"Your order o-100042 is on its way","attempt":3,"urgent":true}`

	placedText = `{"type":"order.placed","id":"o-100042","customer":{"name":"Ada Lovelace","email":"ada@example.com"},` +
		`"total":129.95,"count":3,"paid":true,"placedAt":"2026-11-24T15:04:05Z","lines":[{"sku":"A-1","quantity":2,"price":12.5},` +
		`{"sku":"B-2","quantity":1,"price":104.95}],"tags":["gift","new"],"labels":{"channel":"web","campaign":"winter"},"note":null}`
)

func BenchmarkUnmarshal(b *testing.B) {
	b.Run("notification/cqrs", func(b *testing.B) { benchOurs[notification](b, notificationText) })
	b.Run("notification/json", func(b *testing.B) { benchTheirs[notification](b, notificationText) })
	b.Run("notification/jsonv2", func(b *testing.B) { benchJSONv2[notification](b, notificationText) })
	b.Run("placed/cqrs", func(b *testing.B) { benchOurs[placed](b, placedText) })
	b.Run("placed/json", func(b *testing.B) { benchTheirs[placed](b, placedText) })
	b.Run("placed/jsonv2", func(b *testing.B) { benchJSONv2[placed](b, placedText) })
	b.Run("any/cqrs", func(b *testing.B) { benchOurs[any](b, placedText) })
	b.Run("any/json", func(b *testing.B) { benchTheirs[any](b, placedText) })
}

func benchOurs[T any](b *testing.B, text string) {
	b.Helper()
	bench[T](b, text, func(v *T) error { return body.Unmarshal(text, v) })
}

// benchTheirs is what a team writes today.
func benchTheirs[T any](b *testing.B, text string) {
	b.Helper()
	bench[T](b, text, func(v *T) error { return json.Unmarshal([]byte(text), v) })
}

func benchJSONv2[T any](b *testing.B, text string) {
	b.Helper()
	bench[T](b, text, func(v *T) error { return body.ByJSONv2(text, v) })
}

func bench[T any](b *testing.B, text string, unmarshal func(*T) error) {
	b.Helper()
	b.ReportAllocs()
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if err := unmarshal(new(T)); err != nil {
			b.Fatal(err)
		}
	}
}
