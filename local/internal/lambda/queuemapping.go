package lambda

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"strings"
	"sync"
	"time"

	"github.com/lambda-cqrs/cqrs/local/internal/pattern"
	"github.com/lambda-cqrs/cqrs/local/internal/sqs"
)

// runQueue polls until ctx ends, or until the queue is deleted.
func (m *mapping) runQueue(ctx context.Context) {
	slots := make(chan struct{}, m.config.Parallel)
	var batches sync.WaitGroup
	defer batches.Wait()
	for {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		messages, err := m.gather(ctx)
		if err != nil {
			return
		}
		batches.Go(func() {
			m.runMessages(ctx, messages)
			<-slots
		})
	}
}

// gather receives a batch: what is there, or what comes within the window of the
// first message.
func (m *mapping) gather(ctx context.Context) ([]sqs.Received, error) {
	c := m.service.options.Clock
	request := sqs.Request{Max: min(m.config.BatchSize, 10), MaxBytes: maxPayload / 2}
	if window := m.config.Window; window > 0 {
		visibility, err := m.service.options.Queues.VisibilityTimeout(m.config.Source)
		if err != nil {
			return nil, err
		}
		// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
		if needed := window + m.function.config.Timeout; visibility < needed {
			needed += 30 * time.Second
			request.Visibility = &needed
		}
	}
	var batch []sqs.Received
	var end time.Time // of the window
	for bytes := 0; len(batch) < m.config.BatchSize && bytes < maxPayload/2; {
		wait := 20 * time.Second
		if len(batch) > 0 {
			if wait = end.Sub(c.Now()); wait <= 0 {
				break
			}
		}
		request.Wait, request.Max = &wait, min(m.config.BatchSize-len(batch), 10)
		request.MaxBytes = maxPayload/2 - bytes
		received, err := m.service.options.Queues.Receive(ctx, m.config.Source, request)
		if err != nil {
			return nil, err
		}
		if len(batch) == 0 {
			end = c.Now().Add(m.config.Window)
		}
		for i := range received {
			bytes += len(received[i].Body)
		}
		batch = append(batch, m.filter(received)...)
	}
	return batch, nil
}

// filter deletes the messages that the filters do not let pass.
func (m *mapping) filter(received []sqs.Received) []sqs.Received {
	if len(m.filters) == 0 {
		return received
	}
	passed := received[:0]
	for i := range received {
		if m.matches(m.filterable(&received[i])) {
			passed = append(passed, received[i])
		} else {
			_ = m.service.options.Queues.Delete(m.config.Source, received[i].ReceiptHandle) // else it comes again
		}
	}
	return passed
}

// filterable is a message as filters see it, its body as JSON where it is JSON.
func (m *mapping) filterable(message *sqs.Received) any {
	document, err := pattern.Decode(m.record(message))
	if err != nil {
		return nil
	}
	if fields, ok := document.(map[string]any); ok {
		if body, err := pattern.Decode([]byte(message.Body)); err == nil {
			fields["body"] = body
		}
	}
	return document
}

// runMessages invokes the function and deletes what did not fail. The rest comes
// back when its visibility timeout has passed.
func (m *mapping) runMessages(ctx context.Context, messages []sqs.Received) {
	if len(messages) == 0 {
		return
	}
	records := make([]json.RawMessage, len(messages))
	ids := make(map[string]bool, len(messages))
	for i := range messages {
		records[i] = m.record(&messages[i])
		ids[messages[i].MessageID] = true
	}
	failures, all, _ := m.invoke(ctx, records, func(id string) bool { return ids[id] })
	if all {
		return
	}
	for i := range messages {
		if !failures[messages[i].MessageID] {
			_ = m.service.options.Queues.Delete(m.config.Source, messages[i].ReceiptHandle) // else it comes again
		}
	}
}

// record is a message in the form of Lambda's event. See
// https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html#example-standard-queue-message-event
func (m *mapping) record(message *sqs.Received) json.RawMessage {
	type attribute struct {
		StringValue *string  `json:"stringValue,omitempty"`
		BinaryValue *string  `json:"binaryValue,omitempty"`
		StringList  []string `json:"stringListValues"`
		BinaryList  []string `json:"binaryListValues"`
		DataType    string   `json:"dataType"`
	}
	attributes := make(map[string]attribute, len(message.MessageAttributes))
	for name, value := range message.MessageAttributes {
		converted := attribute{StringValue: value.StringValue, StringList: []string{}, BinaryList: []string{}, DataType: value.DataType}
		if strings.HasPrefix(value.DataType, "Binary") {
			text := base64.StdEncoding.EncodeToString(value.BinaryValue)
			converted.BinaryValue = &text
		}
		attributes[name] = converted
	}
	record := map[string]any{
		"messageId":         message.MessageID,
		"receiptHandle":     message.ReceiptHandle,
		"body":              message.Body,
		"attributes":        message.Attributes,
		"messageAttributes": attributes,
		"md5OfBody":         message.MD5OfBody,
		"eventSource":       "aws:sqs",
		"eventSourceARN":    m.config.Source,
		"awsRegion":         m.service.options.Region,
	}
	if message.MD5OfAttributes != "" {
		record["md5OfMessageAttributes"] = message.MD5OfAttributes
	}
	document, err := json.Marshal(record)
	if err != nil {
		return nil // strings always encode
	}
	return document
}
