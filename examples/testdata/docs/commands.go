package docs

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/lambda-cqrs/cqrs/command"
)

type Order struct{ Total int64 }

var (
	client  *dynamodb.Client
	tenant  string
	actorOf func(ctx context.Context) command.Actor
)
