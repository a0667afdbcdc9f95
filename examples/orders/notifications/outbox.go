package notifications

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sns"
)

// Outbox keeps in files what would be sent: one for each message, so that one that
// is sent again is found to be the same. It is a Mailer and a Messenger.
type Outbox struct{ directory string }

// Letter is what a file of the outbox holds.
type Letter struct {
	ID      string  `json:"id"` // of the notification; empty for what SNS sends, which has none
	Channel Channel `json:"channel"`
	To      string  `json:"to"`
	Subject string  `json:"subject,omitempty"`
	Body    string  `json:"body"`
}

// ErrOtherLetter says that another letter was sent under the same ID.
var ErrOtherLetter = errors.New("another letter was sent under the same id")

// NewOutbox keeps letters in a directory, which it makes.
func NewOutbox(directory string) (*Outbox, error) {
	if err := os.MkdirAll(directory, 0o750); err != nil {
		return nil, fmt.Errorf("the outbox: %w", err)
	}
	return &Outbox{directory}, nil
}

// SendEmail implements Mailer.
func (o *Outbox) SendEmail(
	_ context.Context, in *sesv2.SendEmailInput, _ ...func(*sesv2.Options),
) (*sesv2.SendEmailOutput, error) {
	letter := Letter{
		Channel: Email, To: in.Destination.ToAddresses[0],
		Subject: *in.Content.Simple.Subject.Data, Body: *in.Content.Simple.Body.Text.Data,
	}
	for _, header := range in.Content.Simple.Headers {
		if *header.Name == idHeader {
			letter.ID = *header.Value
		}
	}
	return &sesv2.SendEmailOutput{MessageId: &letter.ID}, o.keep(letter)
}

// Publish implements Messenger.
func (o *Outbox) Publish(_ context.Context, in *sns.PublishInput, _ ...func(*sns.Options)) (*sns.PublishOutput, error) {
	letter := Letter{Channel: SMS, To: aws.ToString(in.PhoneNumber), Subject: aws.ToString(in.Subject), Body: *in.Message}
	if in.TargetArn != nil {
		letter.Channel, letter.To = Push, *in.TargetArn
	}
	return &sns.PublishOutput{MessageId: aws.String("outbox")}, o.keep(letter)
}

// keep writes a letter under a name made of its ID, whole or not at all.
func (o *Outbox) keep(letter Letter) error {
	text, err := json.MarshalIndent(letter, "", "  ")
	if err != nil {
		return err
	}
	name := letter.ID
	if name == "" {
		name = string(text)
	}
	hash := sha256.Sum256([]byte(name))
	path := filepath.Join(o.directory, hex.EncodeToString(hash[:12])+".json")
	file, err := os.CreateTemp(o.directory, "*.tmp")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(file.Name()) }()
	_, err = file.Write(text)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	err = os.Link(file.Name(), path) // only where there is none yet
	if !errors.Is(err, fs.ErrExist) {
		return err
	}
	found, err := os.ReadFile(path) //nolint:gosec // a hash names it
	if err == nil && string(found) != string(text) {
		err = fmt.Errorf("%w: %s", ErrOtherLetter, letter.ID)
	}
	return err
}

// Letters are all that were sent, in no order.
func (o *Outbox) Letters() ([]Letter, error) {
	paths, err := filepath.Glob(filepath.Join(o.directory, "*.json"))
	if err != nil {
		return nil, err
	}
	letters := make([]Letter, len(paths))
	for i, path := range paths {
		text, err := os.ReadFile(path) //nolint:gosec // it is in the outbox
		if err == nil {
			err = json.Unmarshal(text, &letters[i])
		}
		if err != nil {
			return nil, err
		}
	}
	return letters, nil
}
