package docs

import (
	"context"
	"errors"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

type Payment struct{ ID string }

type RateLimited struct{ After time.Duration }

func (RateLimited) Error() string { return "too many requests" }

type banking interface {
	Charge(ctx context.Context, p Payment) error
}

var (
	queues      *sqs.Client
	bank        banking
	errDeclined = errors.New("declined")
)
