package local_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/local"
)

func BenchmarkStart(b *testing.B) {
	for b.Loop() {
		a, err := local.Start(b.Context())
		require.NoError(b, err)
		require.NoError(b, a.Close())
	}
}

func BenchmarkSendMessage(b *testing.B) {
	a, err := local.Start(b.Context())
	require.NoError(b, err)
	defer func() { require.NoError(b, a.Close()) }()
	client := sqs.NewFromConfig(a.Config())
	created, err := client.CreateQueue(b.Context(), &sqs.CreateQueueInput{QueueName: aws.String("orders")})
	require.NoError(b, err)
	in := &sqs.SendMessageInput{QueueUrl: created.QueueUrl, MessageBody: aws.String("hello")}
	for b.Loop() {
		_, err := client.SendMessage(b.Context(), in)
		require.NoError(b, err)
	}
}
