package docs

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
)

type ChargeCard struct{ OrderID string }

var (
	client *dynamodb.Client
	charge func(ctx context.Context, c ChargeCard) error
)
