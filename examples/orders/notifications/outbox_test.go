package notifications_test

import (
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	"github.com/aws/aws-sdk-go-v2/service/sns"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/examples/orders/notifications"
)

func mailOf(id, text string) *sesv2.SendEmailInput {
	return &sesv2.SendEmailInput{
		Destination: &types.Destination{ToAddresses: []string{"ann@example.com"}},
		Content: &types.EmailContent{Simple: &types.Message{
			Subject: &types.Content{Data: aws.String("News")}, Body: &types.Body{Text: &types.Content{Data: &text}},
			Headers: []types.MessageHeader{{Name: aws.String("X-Other"), Value: aws.String("-")}, {Name: aws.String("X-Notification-ID"), Value: &id}},
		}},
	}
}

// TestOutboxKeepsALetterOnce however many send it at once, whole, and with nothing left
// beside it.
func TestOutboxKeepsALetterOnce(t *testing.T) {
	t.Parallel()
	directory := filepath.Join(t.TempDir(), "made", "for it")
	outbox, err := notifications.NewOutbox(directory)
	require.NoError(t, err)
	again, err := notifications.NewOutbox(directory) // as another process opens it
	require.NoError(t, err)
	long := strings.Repeat("A long letter. ", 10_000)
	errs := make([]error, 20)
	var group sync.WaitGroup
	for i := range errs {
		group.Go(func() {
			box := []*notifications.Outbox{outbox, again}[i%2]
			_, errs[i] = box.SendEmail(t.Context(), mailOf([]string{"a", "b"}[i%2], long))
		})
		group.Go(func() {
			letters, err := outbox.Letters() // what is there is whole
			for _, letter := range letters {
				if letter.Body != long {
					err = os.ErrInvalid
				}
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	group.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	letters, err := again.Letters()
	require.NoError(t, err)
	require.Len(t, letters, 2)
	files, err := os.ReadDir(directory)
	require.NoError(t, err)
	require.Len(t, files, 2)
}

// TestOutboxTellsLettersApart by their IDs, and text messages by what they are.
func TestOutboxTellsLettersApart(t *testing.T) {
	t.Parallel()
	outbox, err := notifications.NewOutbox(t.TempDir())
	require.NoError(t, err)
	_, err = outbox.SendEmail(t.Context(), mailOf("1", "Hello"))
	require.NoError(t, err)
	_, err = outbox.SendEmail(t.Context(), mailOf("1", "Good-bye"))
	require.ErrorIs(t, err, notifications.ErrOtherLetter)
	require.ErrorContains(t, err, ": 1")
	_, err = outbox.SendEmail(t.Context(), mailOf("../1", "Hello"))
	require.NoError(t, err)
	for _, text := range []string{"Hello", "Good-bye", "Hello"} {
		_, err = outbox.Publish(t.Context(), &sns.PublishInput{PhoneNumber: aws.String("+4930123456"), Message: &text})
		require.NoError(t, err)
	}
	letters, err := outbox.Letters()
	require.NoError(t, err)
	require.ElementsMatch(t, []notifications.Letter{
		{ID: "1", Channel: "EMAIL", To: "ann@example.com", Subject: "News", Body: "Hello"},
		{ID: "../1", Channel: "EMAIL", To: "ann@example.com", Subject: "News", Body: "Hello"},
		{Channel: "SMS", To: "+4930123456", Body: "Hello"},
		{Channel: "SMS", To: "+4930123456", Body: "Good-bye"},
	}, letters)
}

func TestOutboxFails(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(directory, "file"), nil, 0o600))
	_, err := notifications.NewOutbox(filepath.Join(directory, "file"))
	require.ErrorContains(t, err, "the outbox:")

	outbox, err := notifications.NewOutbox(directory)
	require.NoError(t, err)
	letters, err := outbox.Letters()
	require.NoError(t, err)
	require.Empty(t, letters, "what is no letter is not read")
	require.NoError(t, os.WriteFile(filepath.Join(directory, "broken.json"), []byte("{"), 0o600))
	_, err = outbox.Letters()
	require.Error(t, err)

	require.NoError(t, os.RemoveAll(directory))
	_, err = outbox.SendEmail(t.Context(), mailOf("1", "Hello"))
	require.ErrorIs(t, err, os.ErrNotExist)
}
