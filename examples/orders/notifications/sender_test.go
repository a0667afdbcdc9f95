package notifications_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/examples/orders/notifications"
	"github.com/lambda-cqrs/cqrs/examples/orders/shoptest"
)

const device = "arn:aws:sns:us-east-1:000000000000:endpoint/APNS/shop/1"

func TestSender(t *testing.T) {
	t.Parallel()
	type N = notifications.Notification
	ann := notifications.Values(map[string]any{"name": "Ann"})
	for name, test := range map[string]struct {
		n    N
		want notifications.Letter
	}{
		"mail": {
			N{ID: "1", Channel: "EMAIL", Recipient: "ann@example.com", Subject: "Hello", Body: "How are you?"},
			notifications.Letter{ID: "1", Channel: "EMAIL", To: "ann@example.com", Subject: "Hello", Body: "How are you?"},
		},
		"mail from a template": {
			N{ID: "1", Channel: "EMAIL", Recipient: "ann@example.com", Subject: "-", Body: "-", TemplateID: "welcome", TemplateData: ann},
			notifications.Letter{ID: "1", Channel: "EMAIL", To: "ann@example.com", Subject: "Welcome, Ann", Body: "We are glad, Ann.\n"},
		},
		"a text message": {
			N{ID: "1", Channel: "SMS", Recipient: "+4930123456", Body: "Hello"},
			notifications.Letter{Channel: "SMS", To: "+4930123456", Body: "Hello"},
		},
		"a text message from a template": {
			N{ID: "1", Channel: "SMS", Recipient: "+4930123456", TemplateID: "welcome", TemplateData: ann},
			notifications.Letter{Channel: "SMS", To: "+4930123456", Body: "We are glad, Ann.\n"},
		},
		"a push": {
			N{ID: "1", Channel: "PUSH", Recipient: device, Subject: "News", Body: "Hello"},
			notifications.Letter{Channel: "PUSH", To: device, Subject: "News", Body: "Hello"},
		},
		"a push without a subject": {
			N{ID: "1", Channel: "PUSH", Recipient: device, Body: "Hello"},
			notifications.Letter{Channel: "PUSH", To: device, Body: "Hello"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := shoptest.Start(t)
			a.Upload(t, "templates/welcome.txt", "Subject: Welcome, {name}\n\nWe are glad, {name}.\n")
			outbox, err := notifications.NewOutbox(t.TempDir())
			require.NoError(t, err)
			sender := notifications.NewSender(outbox, outbox, notifications.NewTemplates(a.S3, shoptest.Files), "shop@example.com")
			for range 2 {
				sent, err := sender.Handle(t.Context(), test.n)
				require.NoError(t, err)
				require.Equal(t, notifications.Sent{Status: "sent", Channel: test.n.Channel}, sent)
			}
			letters, err := outbox.Letters()
			require.NoError(t, err)
			require.Equal(t, []notifications.Letter{test.want}, letters)
		})
	}
}

// TestSenderRefuses for good what can never be sent, and sends nothing.
func TestSenderRefuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		n     notifications.Notification
		wrong string
	}{
		"no id":                       {notifications.Notification{Channel: "EMAIL", Recipient: "ann@example.com"}, "without an id"},
		"no channel":                  {notifications.Notification{ID: "1", Recipient: "ann@example.com"}, `the channel is ""`},
		"a channel of its own":        {notifications.Notification{ID: "1", Channel: "FAX", Recipient: "1"}, `the channel is "FAX"`},
		"no address":                  {notifications.Notification{ID: "1", Channel: "EMAIL"}, "mail:"},
		"an address without a domain": {notifications.Notification{ID: "1", Channel: "EMAIL", Recipient: "ann"}, "mail:"},
		"a number of a town":          {notifications.Notification{ID: "1", Channel: "SMS", Recipient: "030123456"}, "telephone number"},
		"a number with words":         {notifications.Notification{ID: "1", Channel: "SMS", Recipient: "+49 30 123456"}, "telephone number"},
		"a number that is too long":   {notifications.Notification{ID: "1", Channel: "SMS", Recipient: "+1234567890123456"}, "telephone number"},
		"two numbers":                 {notifications.Notification{ID: "1", Channel: "SMS", Recipient: "+4930123456\n+4930123457"}, "telephone number"},
		"no device":                   {notifications.Notification{ID: "1", Channel: "PUSH", Recipient: "my telephone"}, "ARN"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sender := notifications.NewSender(nil, nil, nil, "shop@example.com") // whoever is called panics
			_, err := sender.Handle(t.Context(), test.n)
			require.True(t, cqrs.IsPermanent(err), "%v", err)
			require.ErrorContains(t, err, test.wrong)
		})
	}
}

var errDown = errors.New("it is down")

// down is a channel that is out of order.
type down struct{}

func (down) SendEmail(context.Context, *sesv2.SendEmailInput, ...func(*sesv2.Options)) (*sesv2.SendEmailOutput, error) {
	return nil, errDown
}

func (down) Publish(context.Context, *sns.PublishInput, ...func(*sns.Options)) (*sns.PublishOutput, error) {
	return nil, errDown
}

// TestSenderOfAChannelThatIsDown tries again.
func TestSenderOfAChannelThatIsDown(t *testing.T) {
	t.Parallel()
	sender := notifications.NewSender(down{}, down{}, nil, "shop@example.com")
	for channel, recipient := range map[notifications.Channel]string{"EMAIL": "ann@example.com", "SMS": "+4930123456", "PUSH": device} {
		_, err := sender.Handle(t.Context(), notifications.Notification{ID: "1", Channel: channel, Recipient: recipient, Body: "Hello"})
		require.ErrorIs(t, err, errDown)
		require.ErrorContains(t, err, "notification 1 cannot be sent by "+string(channel))
		require.False(t, cqrs.IsPermanent(err), "%v", err)
	}
}

// TestSenderOfSES is what SES gets, to the byte.
func TestSenderOfSES(t *testing.T) {
	t.Parallel()
	requests := make(chan string, 1)
	ses := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		requests <- r.Method + " " + r.URL.Path + " " + string(body)
		_, _ = io.WriteString(w, `{"MessageId":"1"}`)
	}))
	t.Cleanup(ses.Close)
	config := shoptest.Start(t).Config
	config.BaseEndpoint = aws.String(ses.URL)
	sender := notifications.NewSender(sesv2.NewFromConfig(config), nil, nil, "shop@example.com")
	_, err := sender.Handle(t.Context(), notifications.Notification{
		ID: "welcome/ann", Channel: notifications.Email, Recipient: "ann@example.com", Subject: "Hello", Body: "How are you?",
	})
	require.NoError(t, err)
	const path = "POST /v2/email/outbound-emails "
	request := <-requests
	require.Equal(t, path, request[:len(path)])
	require.JSONEq(t, `{
		"FromEmailAddress": "shop@example.com", "Destination": {"ToAddresses": ["ann@example.com"]},
		"Content": {"Simple": {"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "How are you?"}},
			"Headers": [{"Name": "X-Notification-ID", "Value": "welcome/ann"}]}}}`, request[len(path):])
}
