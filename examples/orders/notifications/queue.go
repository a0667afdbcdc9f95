package notifications

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// QueueClient is what a Queue needs of a *sqs.Client.
type QueueClient interface {
	SendMessage(ctx context.Context, in *sqs.SendMessageInput, opts ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
}

// Queue is where notifications wait to be sent.
type Queue struct {
	client QueueClient
	url    string
}

// NewQueue returns the queue of that URL.
func NewQueue(client QueueClient, url string) *Queue { return &Queue{client, url} }

// Send puts a notification into the queue, in one request. To send it twice does no
// harm: it has the same ID.
func (q *Queue) Send(ctx context.Context, n Notification) error {
	body, err := json.Marshal(struct {
		Notification

		Type string `json:"type"`
	}{n, "NOTIFICATION"})
	if err != nil {
		return fmt.Errorf("notification %s: %w", n.ID, err)
	}
	text := string(body)
	if _, err := q.client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: &text}); err != nil {
		return fmt.Errorf("notification %s cannot be put into its queue: %w", n.ID, err)
	}
	return nil
}
