// Package notifications tells people things: by mail, by text message, by push.
//
// Whoever has something to say puts a Notification into a Queue. The Sender takes it
// from there, writes it from a template where it has one, and hands it to SES or SNS,
// or to an Outbox of files where there is no AWS.
//
// A notification is known by its ID, which stays the same however often it is sent or
// delivered: it is the key under which the library runs it once.
package notifications

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/mail"
	"regexp"
	"strings"

	"github.com/lambda-cqrs/cqrs"
)

// Channel is the way to a person.
type Channel string

// The channels.
const (
	Email Channel = "EMAIL"
	SMS   Channel = "SMS"
	Push  Channel = "PUSH"
)

// Notification is what a person is to be told. It has a body of its own, or a
// template with data.
type Notification struct {
	ID           string                     `json:"id"`
	Channel      Channel                    `json:"channel"`
	Recipient    string                     `json:"recipient"` // an address, a number such as +4930123456, the ARN of a device
	Subject      string                     `json:"subject,omitempty"`
	Body         string                     `json:"body,omitempty"`
	TemplateID   string                     `json:"templateId,omitempty"`
	TemplateData map[string]json.RawMessage `json:"templateData,omitempty"`
}

// EventKey is the ID.
func (n Notification) EventKey() string { return n.ID }

var phoneNumber = regexp.MustCompile(`^\+[1-9][0-9]{6,14}$`) // E.164

// check refuses for good what can never be sent.
func (n Notification) check() error {
	if n.ID == "" {
		return cqrs.Permanent(errors.New("a notification without an id"))
	}
	var err error
	switch n.Channel {
	case Email:
		_, err = mail.ParseAddress(n.Recipient)
	case SMS:
		if !phoneNumber.MatchString(n.Recipient) {
			err = errors.New("a telephone number is + and 7 to 15 digits")
		}
	case Push:
		if !strings.HasPrefix(n.Recipient, "arn:") {
			err = errors.New("a device is given by the ARN of its endpoint")
		}
	default:
		err = fmt.Errorf("the channel is %q, but must be EMAIL, SMS or PUSH", n.Channel)
	}
	if err != nil {
		return cqrs.Permanent(fmt.Errorf("notification %s cannot be sent: %w", n.ID, err))
	}
	return nil
}
