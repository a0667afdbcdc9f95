package conformance_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/aws/aws-sdk-go-v2/service/sns/types"
	"github.com/stretchr/testify/require"
)

// topic is a topic of one test.
type topic struct {
	*testing.T
	*sns.Client
	arn string
}

func newTopic(t *testing.T, name string, attributes map[string]string) topic {
	t.Helper()
	client := sns.NewFromConfig(config(t))
	created, err := client.CreateTopic(t.Context(), &sns.CreateTopicInput{Name: &name, Attributes: attributes})
	require.NoError(t, err)
	return topic{t, client, *created.TopicArn}
}

func (to topic) to(q queue, attributes map[string]string) string {
	to.Helper()
	subscribed, err := to.Subscribe(to.Context(), &sns.SubscribeInput{
		TopicArn: &to.arn, Protocol: aws.String("sqs"), Endpoint: &q.arn, Attributes: attributes, ReturnSubscriptionArn: true,
	})
	require.NoError(to, err)
	return *subscribed.SubscriptionArn
}

func (to topic) publish(message string, change ...func(*sns.PublishInput)) *sns.PublishOutput {
	to.Helper()
	in := &sns.PublishInput{TopicArn: &to.arn, Message: &message}
	for _, f := range change {
		f(in)
	}
	out, err := to.Publish(to.Context(), in)
	require.NoError(to, err)
	return out
}

func stringAttribute(value string) types.MessageAttributeValue {
	return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: &value}
}

func attributes(values map[string]types.MessageAttributeValue) func(*sns.PublishInput) {
	return func(in *sns.PublishInput) { in.MessageAttributes = values }
}

func TestSNSTopics(t *testing.T) {
	t.Parallel()
	to := newTopic(t, name(t), nil)
	again := newTopic(t, name(t), nil)
	require.Equal(t, to.arn, again.arn)
	require.NotEmpty(t, *to.publish("nobody hears").MessageId)
	listed, err := to.ListTopics(t.Context(), nil)
	require.NoError(t, err)
	require.Contains(t, listed.Topics, types.Topic{TopicArn: &to.arn})
	found, err := to.GetTopicAttributes(t.Context(), &sns.GetTopicAttributesInput{TopicArn: &to.arn})
	require.NoError(t, err)
	require.Equal(t, to.arn, found.Attributes["TopicArn"])

	_, err = to.Publish(t.Context(), &sns.PublishInput{TopicArn: aws.String(to.arn + "-missing"), Message: aws.String("x")})
	var missing *types.NotFoundException
	require.ErrorAs(t, err, &missing)
	for _, subject := range []string{strings.Repeat("x", 100), "two\nlines"} {
		_, err = to.Publish(t.Context(), &sns.PublishInput{TopicArn: &to.arn, Message: aws.String("x"), Subject: &subject})
		var parameter *types.InvalidParameterException
		require.ErrorAs(t, err, &parameter)
	}
	to.publish("x", func(in *sns.PublishInput) { in.Subject = aws.String(strings.Repeat("ü", 99)) })
	_, err = to.DeleteTopic(t.Context(), &sns.DeleteTopicInput{TopicArn: &to.arn})
	require.NoError(t, err)
}

func TestSNSEnvelopeInAQueue(t *testing.T) {
	t.Parallel()
	to, q := newTopic(t, name(t), nil), newQueue(t, name(t), nil)
	arn := to.to(q, nil)
	require.Equal(t, arn, to.to(q, nil), "subscribing again changes nothing")
	published := to.publish(`{"a":"<&>"}`, attributes(map[string]types.MessageAttributeValue{"kind": stringAttribute("x")}),
		func(in *sns.PublishInput) { in.Subject = aws.String("hello") })
	m := q.receiveOne(5)
	require.Empty(t, m.MessageAttributes)
	var envelope struct {
		Type, MessageID, TopicArn, Subject, Message, Timestamp string
		MessageAttributes                                      map[string]struct{ Type, Value string }
	}
	require.NoError(t, json.Unmarshal([]byte(*m.Body), &envelope))
	require.Equal(t, "Notification", envelope.Type)
	require.Equal(t, *published.MessageId, envelope.MessageID)
	require.Equal(t, to.arn, envelope.TopicArn)
	require.Equal(t, "hello", envelope.Subject)
	require.Contains(t, envelope.Message, `<&>`)
	require.Equal(t, "x", envelope.MessageAttributes["kind"].Value)
	require.Equal(t, "String", envelope.MessageAttributes["kind"].Type)

	_, err := to.Unsubscribe(t.Context(), &sns.UnsubscribeInput{SubscriptionArn: &arn})
	require.NoError(t, err)
	to.publish("gone")
	require.Empty(t, q.receive(1, 1))
}

func TestSNSRawDeliveryKeepsBodyAndAttributes(t *testing.T) {
	t.Parallel()
	to, q := newTopic(t, name(t), nil), newQueue(t, name(t), nil)
	to.to(q, map[string]string{"RawMessageDelivery": "true"})
	to.publish("as it is", attributes(map[string]types.MessageAttributeValue{
		"kind": stringAttribute("x"), "bytes": {DataType: aws.String("Binary"), BinaryValue: []byte{1, 2}},
	}))
	m := q.receiveOne(5)
	require.Equal(t, "as it is", *m.Body)
	require.Equal(t, "x", *m.MessageAttributes["kind"].StringValue)
	require.Equal(t, []byte{1, 2}, m.MessageAttributes["bytes"].BinaryValue)
}

func TestSNSFilterPolicyOnAttributes(t *testing.T) {
	t.Parallel()
	to := newTopic(t, name(t), nil)
	messages := map[string]map[string]types.MessageAttributeValue{
		"red":    {"colour": stringAttribute("red"), "price": {DataType: aws.String("Number"), StringValue: aws.String("10")}},
		"blue":   {"colour": stringAttribute("blue"), "price": {DataType: aws.String("Number"), StringValue: aws.String("200.5")}},
		"plain":  {},
		"listed": {"colour": {DataType: aws.String("String.Array"), StringValue: aws.String(`["green","red"]`)}},
	}
	for label, test := range map[string]struct {
		policy string
		want   []string
	}{
		"exact":        {`{"colour":["red"]}`, []string{"listed", "red"}},
		"prefix":       {`{"colour":[{"prefix":"bl"}]}`, []string{"blue"}},
		"suffix":       {`{"colour":[{"suffix":"ue"}]}`, []string{"blue"}},
		"numeric":      {`{"price":[{"numeric":[">",100,"<=",200.5]}]}`, []string{"blue"}},
		"anything-but": {`{"colour":[{"anything-but":["red"]}]}`, []string{"blue", "listed"}},
		"exists":       {`{"price":[{"exists":true}]}`, []string{"blue", "red"}},
		"missing":      {`{"price":[{"exists":false}]}`, []string{"listed", "plain"}},
		"or":           {`{"$or":[{"colour":["blue"]},{"price":[10]}]}`, []string{"blue", "red"}},
		"and":          {`{"colour":["red"],"price":[10]}`, []string{"red"}},
	} {
		t.Run(label, func(t *testing.T) {
			t.Parallel()
			to, q := newTopic(t, name(t), nil), newQueue(t, name(t), nil)
			to.to(q, map[string]string{"FilterPolicy": test.policy, "RawMessageDelivery": "true"})
			for body, values := range messages {
				to.publish(body, attributes(values))
			}
			got := []string{}
			for range test.want {
				got = append(got, *q.receiveOne(5).Body)
			}
			require.ElementsMatch(t, test.want, got)
			require.Empty(t, q.receive(1, 0))
		})
	}
	_, err := to.Subscribe(t.Context(), &sns.SubscribeInput{
		TopicArn: &to.arn, Protocol: aws.String("sqs"),
		Endpoint: aws.String("arn:aws:sqs:us-east-1:000000000000:x"), Attributes: map[string]string{"FilterPolicy": `{"a":"b"}`},
	})
	var parameter *types.InvalidParameterException
	require.ErrorAs(t, err, &parameter)
}

func TestSNSFilterPolicyOnTheBody(t *testing.T) {
	t.Parallel()
	to, q := newTopic(t, name(t), nil), newQueue(t, name(t), nil)
	to.to(q, map[string]string{"FilterPolicyScope": "MessageBody", "FilterPolicy": `{"order":{"state":["paid"]}}`, "RawMessageDelivery": "true"})
	to.publish(`{"order":{"state":"new"}}`)
	to.publish(`no JSON`)
	to.publish(`{"order":{"state":"paid"}}`)
	require.JSONEq(t, `{"order":{"state":"paid"}}`, *q.receiveOne(5).Body)
	require.Empty(t, q.receive(1, 0))
}

func TestSNSPublishBatchFailsPerEntry(t *testing.T) {
	t.Parallel()
	to, q := newTopic(t, name(t), nil), newQueue(t, name(t), nil)
	to.to(q, map[string]string{"RawMessageDelivery": "true"})
	out, err := to.PublishBatch(t.Context(), &sns.PublishBatchInput{TopicArn: &to.arn, PublishBatchRequestEntries: []types.PublishBatchRequestEntry{
		{Id: aws.String("good"), Message: aws.String("good")},
		{Id: aws.String("bad"), Message: aws.String("bad"), Subject: aws.String("two\nlines")},
	}})
	require.NoError(t, err)
	require.Len(t, out.Successful, 1)
	require.Equal(t, "good", *out.Successful[0].Id)
	require.NotEmpty(t, *out.Successful[0].MessageId)
	require.Len(t, out.Failed, 1)
	require.Equal(t, "bad", *out.Failed[0].Id)
	require.True(t, out.Failed[0].SenderFault)
	require.Equal(t, "good", *q.receiveOne(5).Body)
	_, err = to.PublishBatch(t.Context(), &sns.PublishBatchInput{TopicArn: &to.arn, PublishBatchRequestEntries: []types.PublishBatchRequestEntry{
		{Id: aws.String("same"), Message: aws.String("a")}, {Id: aws.String("same"), Message: aws.String("b")},
	}})
	var repeated *types.BatchEntryIdsNotDistinctException
	require.ErrorAs(t, err, &repeated)
}

func TestSNSFIFO(t *testing.T) {
	t.Parallel()
	to := newTopic(t, name(t)+".fifo", map[string]string{"FifoTopic": "true"})
	q := newQueue(t, name(t)+".fifo", nil)
	to.to(q, map[string]string{"RawMessageDelivery": "true"})
	in := func(id string) func(*sns.PublishInput) {
		return func(in *sns.PublishInput) { in.MessageGroupId, in.MessageDeduplicationId = aws.String("A"), &id }
	}
	first := to.publish("one", in("1"))
	require.NotEmpty(t, *first.SequenceNumber)
	require.Equal(t, *first.MessageId, *to.publish("one again", in("1")).MessageId)
	to.publish("two", in("2"))
	to.publish("three", in("3"))
	messages := []string{}
	for len(messages) < 3 {
		for _, m := range q.receive(10, 5) {
			require.Equal(t, "A", m.Attributes["MessageGroupId"])
			messages = append(messages, *m.Body)
			q.delete(m)
		}
	}
	require.Equal(t, []string{"one", "two", "three"}, messages)
	_, err := to.Publish(t.Context(), &sns.PublishInput{TopicArn: &to.arn, Message: aws.String("x"), MessageDeduplicationId: aws.String("4")})
	var parameter *types.InvalidParameterException
	require.ErrorAs(t, err, &parameter)
}

func TestSNSHTTPEndpointConfirms(t *testing.T) {
	t.Parallel()
	to := newTopic(t, name(t), nil)
	type post struct{ kind, body string }
	posts := make(chan post, 4)
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		posts <- post{r.Header.Get("X-Amz-Sns-Message-Type"), string(body)}
	}))
	t.Cleanup(server.Close)
	subscribed, err := to.Subscribe(t.Context(), &sns.SubscribeInput{TopicArn: &to.arn, Protocol: aws.String("http"), Endpoint: &server.URL})
	require.NoError(t, err)
	require.Equal(t, "pending confirmation", *subscribed.SubscriptionArn)
	asked := <-posts
	require.Equal(t, "SubscriptionConfirmation", asked.kind)
	var confirmation struct{ Token, SubscribeURL, TopicArn string }
	require.NoError(t, json.Unmarshal([]byte(asked.body), &confirmation))
	require.Equal(t, to.arn, confirmation.TopicArn)
	to.publish("too early")

	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, confirmation.SubscribeURL, nil)
	require.NoError(t, err)
	response, err := config(t).HTTPClient.Do(request)
	require.NoError(t, err)
	require.NoError(t, response.Body.Close())
	require.Equal(t, http.StatusOK, response.StatusCode)
	confirmed, err := to.ConfirmSubscription(t.Context(), &sns.ConfirmSubscriptionInput{TopicArn: &to.arn, Token: &confirmation.Token})
	require.NoError(t, err)
	require.NotEmpty(t, *confirmed.SubscriptionArn)
	to.publish("in time")
	notified := <-posts
	require.Equal(t, "Notification", notified.kind)
	require.Contains(t, notified.body, `"Message":"in time"`)
}
