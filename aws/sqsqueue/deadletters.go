package sqsqueue

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/aws/internal/fault"
	"github.com/lambda-cqrs/cqrs/command"
)

// failureID is the attribute with the DeadLetter.ID, both on a dead letter and on
// a message that is put back.
const failureID = "cqrs-failure-id"

// SendClient is what [NewDeadLetters] needs of a *sqs.Client.
type SendClient interface {
	SendMessage(ctx context.Context, in *sqs.SendMessageInput, opts ...func(*sqs.Options)) (*sqs.SendMessageOutput, error)
}

// NewDeadLetters returns a sink that sends each letter, as its JSON, to the
// queue. It panics where client is nil or queueURL is empty.
//
// The attributes cqrs-failure-id, cqrs-route, cqrs-source, cqrs-error-name,
// cqrs-message-id and cqrs-attempts say what the letter is about, for people and
// filters. A letter of more than 1 MiB goes to [DeadLetterBlobs], and the queue
// gets one that refers to it; without them the error is [cqrs.ErrTooLarge], and
// the record fails. The receipt handle and the task token of the record are not
// sent.
//
// A FIFO queue takes a letter once within its 5 minutes, although the record
// comes again; letters of one group stay in order. A record that was put back and
// failed again is another letter.
//
// A letter is one request. The action is sqs:SendMessage on the queue, and
// kms:GenerateDataKey and kms:Decrypt where it is encrypted.
func NewDeadLetters(client SendClient, queueURL string, opts ...DeadLetterOption) cqrs.DeadLetterSink {
	if client == nil || queueURL == "" {
		panic("sqsqueue: NewDeadLetters needs a client and the URL of a queue")
	}
	s := &deadLetters{client: client, url: queueURL}
	for _, opt := range opts {
		opt(s)
	}
	return s
}

// DeadLetterOption changes what [NewDeadLetters] makes.
type DeadLetterOption func(*deadLetters)

// DeadLetterBlobs takes the letters that are too large for a message, under
// "dead-letters/" and the letter's ID. They must be kept as long as the letters
// are, and [SendBlobs] needs them to put such a letter back.
func DeadLetterBlobs(b command.Blobs) DeadLetterOption {
	return func(s *deadLetters) { s.blobs = b }
}

type deadLetters struct {
	client SendClient
	url    string
	blobs  command.Blobs
}

// DeadLetter sends the letter.
func (s *deadLetters) DeadLetter(ctx context.Context, d cqrs.DeadLetter) error {
	encoded, err := json.Marshal(d)
	if err != nil {
		return fmt.Errorf("sqsqueue: encode dead letter %s: %w", d.ID, err)
	}
	attributes := attributesOf(&d)
	body := safeJSON(string(encoded))
	if size := sizeOf(body, attributes); size > maxMessage {
		if s.blobs == nil {
			return fmt.Errorf("sqsqueue: %w: dead letter %s has %d bytes, of which SQS takes %d; "+
				"give NewDeadLetters the option DeadLetterBlobs", cqrs.ErrTooLarge, d.ID, size, maxMessage)
		}
		if body, err = checkIn(ctx, s.blobs, d, encoded); err != nil {
			return fmt.Errorf("sqsqueue: keep dead letter %s outside of the queue: %w", d.ID, err)
		}
	}
	in := &sqs.SendMessageInput{QueueUrl: aws.String(s.url), MessageBody: aws.String(body), MessageAttributes: attributes}
	if isFIFO(s.url) {
		in.MessageGroupId = aws.String(digest(d.Message.ARN, d.Message.Group))
		in.MessageDeduplicationId = aws.String(digest(d.ID, d.Message.ID, d.Route))
	}
	if err := send(ctx, s.client, in); err != nil {
		return fmt.Errorf("sqsqueue: send dead letter %s: %w", d.ID, err)
	}
	return nil
}

// send repeats what KMS throttled.
func send(ctx context.Context, client SendClient, in *sqs.SendMessageInput, opts ...func(*sqs.Options)) error {
	err := fault.Retry(ctx, fault.KMSThrottled, func() error {
		_, err := client.SendMessage(ctx, in, opts...)
		return err
	})
	return fault.Hide(err, aws.ToString(in.MessageBody))
}

func attributesOf(d *cqrs.DeadLetter) map[string]types.MessageAttributeValue {
	all := make(map[string]types.MessageAttributeValue, maxAttributes)
	for name, text := range map[string]string{
		failureID: d.ID, "cqrs-route": d.Route, "cqrs-source": string(d.Message.Source),
		"cqrs-error-name": d.ErrorName, "cqrs-message-id": d.Message.ID,
	} {
		if value, ok := textAttribute(text); ok {
			all[name] = value
		}
	}
	if d.Attempts > 0 {
		all["cqrs-attempts"] = types.MessageAttributeValue{
			DataType: aws.String("Number"), StringValue: aws.String(strconv.Itoa(d.Attempts)),
		}
	}
	return all
}

// digest makes an id that SQS takes out of what need not be one.
func digest(parts ...string) string {
	var all []byte
	for _, part := range parts {
		all = fmt.Appendf(all, "%d:%s", len(part), part)
	}
	sum := sha256.Sum256(all)
	return hex.EncodeToString(sum[:])
}
