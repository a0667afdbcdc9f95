package docs

import (
	"github.com/aws/aws-sdk-go-v2/service/sfn"

	"github.com/lambda-cqrs/cqrs"
)

var (
	client *sfn.Client
	store  cqrs.IdempotencyStore
)
