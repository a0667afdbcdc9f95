package shop

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
)

// KindProduct is what the partition keys of products begin with.
const KindProduct = "PRODUCT"

// maxName is the most bytes of a product's name, which its item and its index hold.
const maxName = 1000

// Product holds the attributes of a product.
type Product struct {
	SKU   string `json:"sku"`
	Name  string `json:"name"`
	Price int64  `json:"price"` // in cents
	Stock int64  `json:"stock"` // that was delivered, ever: reservations do not lower it
}

// Validate says what is wrong with the product, if anything is.
func (p Product) Validate() error {
	switch {
	case p.SKU == "":
		return errors.New("a product without an SKU")
	case !utf8.ValidString(p.SKU + p.Name):
		return errors.New("a product whose SKU or name is not UTF-8")
	case len(p.Name) > maxName:
		return fmt.Errorf("product %s has a name of %d bytes; it may have at most %d", p.SKU, len(p.Name), maxName)
	case p.Name == "":
		return fmt.Errorf("product %s has no name", p.SKU)
	case p.Price <= 0:
		return fmt.Errorf("product %s has the price %d; it must be above 0", p.SKU, p.Price)
	case p.Stock < 0:
		return fmt.Errorf("product %s has a stock of %d; it must not be below 0", p.SKU, p.Stock)
	}
	return nil
}

// ProductKey is the key of a product of a tenant. Its error is a permanent one.
func ProductKey(tenant, sku string) (cqrs.Key, error) {
	return keyOf(KindProduct, tenant, sku)
}

// keyOf refuses what can never become a key for good.
func keyOf(kind, tenant, sk string) (cqrs.Key, error) {
	key, err := command.NewKey(kind, tenant, sk)
	if err != nil {
		return cqrs.Key{}, cqrs.Permanent(err)
	}
	return key, nil
}

// Partition is the partition key of everything of a kind that a tenant has.
func Partition(kind, tenant string) string { return kind + "#" + tenant }
