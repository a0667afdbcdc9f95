package docs

import (
	"encoding/csv"

	"github.com/lambda-cqrs/cqrs/aws/s3store"
)

var (
	store      *s3store.Store
	importRows func(rows *csv.Reader) error
)
