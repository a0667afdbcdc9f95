package docs

import (
	"context"
	"database/sql"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
)

type Order struct{ Total int64 }

var (
	client                    *dynamodb.Client
	store                     command.Store
	up, down                  func(ctx context.Context, tx *sql.Tx, o cqrs.Command[Order]) error
	searchIndex, ledger, mail cqrs.DataSyncHandler[Order]
	alarms                    cqrs.Alarmer
	metrics                   func(ctx context.Context, r cqrs.SyncResult)
)
