// Package docs is what the snippets of the documentation take for granted.
package docs

import (
	"context"
	"database/sql"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/dynamostore"
	"github.com/lambda-cqrs/cqrs/aws/s3store"
	"github.com/lambda-cqrs/cqrs/aws/sfntask"
	"github.com/lambda-cqrs/cqrs/aws/snsalarm"
	"github.com/lambda-cqrs/cqrs/aws/sqsqueue"
	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/cqrstest"
	"github.com/lambda-cqrs/cqrs/doctor"
	"github.com/lambda-cqrs/cqrs/local"
	"github.com/lambda-cqrs/cqrs/redrive"
	"github.com/lambda-cqrs/cqrs/sqlstore"
)

var (
	ctx        context.Context
	t          *testing.T
	cfg        aws.Config
	db         *sql.DB
	mux        *cqrs.Mux
	registry   *cqrs.Registry
	dispatcher *cqrs.Dispatcher
	err        error
)
