package s3store_test

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"

	"github.com/aws/aws-lambda-go/events"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/s3store"
)

// A handler that reads an uploaded file row by row, however large it is. With a
// real client the store is s3store.New(s3.NewFromConfig(cfg), bucket).
func ExampleStore_Open() {
	store := s3store.New(answering("sku,amount\nA1,3\nB2,5\n", 21), "claims")

	handler := cqrs.HandlerFunc[*events.S3EventRecord](func(ctx context.Context, record *events.S3EventRecord) (any, error) {
		object, err := store.Open(ctx, record)
		if errors.Is(err, s3store.ErrChanged) || errors.Is(err, s3store.ErrGone) {
			return nil, cqrs.Skip("another event is about what is there now")
		}
		if err != nil {
			return nil, err
		}
		defer object.Close()
		rows, err := csv.NewReader(object).ReadAll()
		fmt.Println(object.Size, "bytes:", rows)
		return nil, err
	})
	_, err := handler.Handle(context.Background(), record("imports/csv/red flower.csv", "", "e1"))
	fmt.Println(err)

	// Output:
	// 21 bytes: [[sku amount] [A1 3] [B2 5]]
	// <nil>
}

func ExampleLocalName() {
	for _, key := range []string{"imports/red flower.csv", "../../etc/passwd", `C:\boot.ini`} {
		name, err := s3store.LocalName(key)
		fmt.Println(name, err)
	}

	// Output:
	// imports/red flower.csv <nil>
	//  s3store: unsafe file name: "../../etc/passwd" has an empty part, or one that is . or ..
	//  s3store: unsafe file name: "C:\\boot.ini" contains a backslash or a colon
}

// What is too large for its record is kept in the bucket, and a reference in the
// record.
func ExampleStore_Put() {
	store := s3store.New(&faulty{}, "claims", s3store.Prefix("orders/"))
	ref, err := store.Put(context.Background(), "o-1", []byte("a very long text"))
	fmt.Println(ref.URI, ref.Size, err)

	// Output:
	// s3://claims/orders/o-1/3196fb3c882734825cc5454ed1ebaad6db163879de706f368b55ebb8874435e6 16 <nil>
}
