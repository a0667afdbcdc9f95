package conformance_test

import (
	"encoding/json"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"
)

// s3Event is what a destination of a bucket's notifications gets.
type s3Event struct {
	Event   string
	Records []struct {
		EventName, EventSource string
		S3                     struct {
			Bucket struct{ Name, ARN string }
			Object struct {
				Key, ETag, Sequencer string
				Size                 int64
			}
		}
	}
}

func decode[T any](t *testing.T, document string) T {
	t.Helper()
	var v T
	require.NoError(t, json.Unmarshal([]byte(document), &v))
	return v
}

func (b bucket) notify(c *types.NotificationConfiguration) {
	b.Helper()
	_, err := b.PutBucketNotificationConfiguration(b.Context(), &s3.PutBucketNotificationConfigurationInput{Bucket: b.name, NotificationConfiguration: c})
	require.NoError(b, err)
}

func TestS3EventsToAQueue(t *testing.T) {
	t.Parallel()
	b, q := newBucket(t), newQueue(t, name(t), nil)
	b.notify(&types.NotificationConfiguration{QueueConfigurations: []types.QueueConfiguration{{
		QueueArn: &q.arn, Events: []types.Event{"s3:ObjectCreated:*", "s3:ObjectRemoved:Delete"},
		Filter: &types.NotificationConfigurationFilter{Key: &types.S3KeyFilter{FilterRules: []types.FilterRule{
			{Name: types.FilterRuleNamePrefix, Value: aws.String("in/")}, {Name: types.FilterRuleNameSuffix, Value: aws.String(".csv")},
		}}},
	}}})
	test := q.receiveOne(5)
	require.Equal(t, "s3:TestEvent", decode[s3Event](t, *test.Body).Event)
	require.NotContains(t, *test.Body, "Records")
	q.delete(test)

	b.put("in/ignored.txt", "x")
	b.put("elsewhere.csv", "x")
	out := b.put("in/red flower+ü.csv", "body")
	m := q.receiveOne(5)
	q.delete(m)
	record := decode[s3Event](t, *m.Body).Records[0]
	require.Equal(t, "ObjectCreated:Put", record.EventName)
	require.Equal(t, "aws:s3", record.EventSource)
	require.Equal(t, *b.name, record.S3.Bucket.Name)
	require.Equal(t, "arn:aws:s3:::"+*b.name, record.S3.Bucket.ARN)
	require.Equal(t, "in/red+flower%2B%C3%BC.csv", record.S3.Object.Key)
	require.EqualValues(t, 4, record.S3.Object.Size)
	require.Equal(t, *out.ETag, `"`+record.S3.Object.ETag+`"`)

	_, err := b.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: b.name, Key: aws.String("in/red flower+ü.csv")})
	require.NoError(t, err)
	removed := decode[s3Event](t, *q.receiveOne(5).Body).Records[0]
	require.Equal(t, "ObjectRemoved:Delete", removed.EventName)
	require.Greater(t, removed.S3.Object.Sequencer, record.S3.Object.Sequencer)
	require.Empty(t, q.receive(1, 0))

	found, err := b.GetBucketNotificationConfiguration(t.Context(), &s3.GetBucketNotificationConfigurationInput{Bucket: b.name})
	require.NoError(t, err)
	require.Equal(t, q.arn, *found.QueueConfigurations[0].QueueArn)
	require.Len(t, found.QueueConfigurations[0].Filter.Key.FilterRules, 2)
	_, err = b.PutBucketNotificationConfiguration(t.Context(), &s3.PutBucketNotificationConfigurationInput{
		Bucket: b.name, NotificationConfiguration: &types.NotificationConfiguration{QueueConfigurations: []types.QueueConfiguration{{
			QueueArn: aws.String(q.arn + "-missing"), Events: []types.Event{"s3:ObjectCreated:*"},
		}}},
	})
	requireRefusal(t, "InvalidArgument", err)
}

func TestS3EventsThroughATopic(t *testing.T) {
	t.Parallel()
	b, to, q := newBucket(t), newTopic(t, name(t), nil), newQueue(t, name(t), nil)
	b.notify(&types.NotificationConfiguration{TopicConfigurations: []types.TopicConfiguration{{
		TopicArn: &to.arn, Events: []types.Event{"s3:ObjectCreated:*"},
	}}})
	to.to(q, nil)
	b.put("key", "body")
	envelope := decode[struct{ Subject, Message string }](t, *q.receiveOne(5).Body)
	require.Equal(t, "Amazon S3 Notification", envelope.Subject)
	require.Equal(t, "key", decode[s3Event](t, envelope.Message).Records[0].S3.Object.Key)
}

func TestS3EventsThroughEventBridge(t *testing.T) {
	t.Parallel()
	b, q := newBucket(t), newQueue(t, name(t), nil)
	b.notify(&types.NotificationConfiguration{EventBridgeConfiguration: &types.EventBridgeConfiguration{}})
	putRule(t, nil, `{"source":["aws.s3"],"detail":{"bucket":{"name":["`+*b.name+`"]}}}`, target(q))
	b.put("red flower.csv", "body")
	event := decode[struct {
		DetailType string `json:"detail-type"`
		Detail     struct {
			Reason string
			Object struct {
				Key  string
				Size int
			}
		}
	}](t, *q.receiveOne(5).Body)
	require.Equal(t, "Object Created", event.DetailType)
	require.Equal(t, "PutObject", event.Detail.Reason)
	require.Equal(t, "red flower.csv", event.Detail.Object.Key)
	require.Equal(t, 4, event.Detail.Object.Size)
}
