package docs

import (
	"context"

	"github.com/lambda-cqrs/cqrs"
)

type PriceItem struct {
	SKU   string
	Price int64
}

type PriceList struct{ Items []PriceItem }

type priceTable interface {
	Set(ctx context.Context, sku string, price int64) error
}

var (
	prices          priceTable
	alarms          *cqrs.Alarms
	list            PriceList
	set, retryLater func(ctx context.Context, item PriceItem) error
)
