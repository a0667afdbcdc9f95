package app

import (
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/lambda-cqrs/cqrs/examples/orders/notifications"
)

// Clients are those of the SDK, made once for each execution environment.
type Clients struct {
	DynamoDB *dynamodb.Client
	S3       *s3.Client
	SFN      *sfn.Client
	SNS      *sns.Client
	SQS      *sqs.Client
	SES      *sesv2.Client
}

// NewClients makes the clients.
func NewClients(cfg aws.Config) Clients {
	return Clients{
		DynamoDB: dynamodb.NewFromConfig(cfg),
		S3: s3.NewFromConfig(cfg, func(o *s3.Options) {
			o.UsePathStyle = cfg.BaseEndpoint != nil // buckets have no host names of their own off AWS
		}),
		SFN: sfn.NewFromConfig(cfg),
		SNS: sns.NewFromConfig(cfg),
		SQS: sqs.NewFromConfig(cfg),
		SES: sesv2.NewFromConfig(cfg),
	}
}

// channels are where notifications leave the shop: SES and SNS, or, with an outbox,
// files.
func (c Clients) channels(outbox string) (notifications.Mailer, notifications.Messenger, error) {
	if outbox == "" {
		return c.SES, c.SNS, nil
	}
	files, err := notifications.NewOutbox(outbox)
	return files, files, err
}
