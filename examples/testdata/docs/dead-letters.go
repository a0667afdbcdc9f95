package docs

import (
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/redrive"
)

var (
	client    *sqs.Client
	failedURL string
	store     redrive.Store
	alarmer   cqrs.Alarmer
	sender    redrive.Sender
)
