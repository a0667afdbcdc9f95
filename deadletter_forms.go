package cqrs

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/lambda-cqrs/cqrs/internal/lambdaevent"
	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// DecodeDeadLetter reads the text of a dead letter: the JSON of a [DeadLetter],
// the record of a failed invocation that Lambda sends to a destination (also the
// object that it writes to S3), or a failed delivery of an EventBridge bus. The
// error of any other text is a [*DecodeError].
func DecodeDeadLetter(text string) (DeadLetter, error) {
	form, err := formOf(text)
	if err != nil {
		return DeadLetter{}, &DecodeError{Stage: "dead letter", Err: err}
	}
	switch form {
	case formOwn:
		return ownLetter(text)
	case formDestination:
		return destinationLetter(text)
	case formBus:
		return busLetter(text)
	default:
		return DeadLetter{}, &DecodeError{Stage: "dead letter", Err: errNoLetter}
	}
}

var errNoLetter = errors.New("it is neither a cqrs.DeadLetter nor a record that Lambda or EventBridge writes")

type letterForm uint8

const (
	formNone letterForm = iota
	formOwn
	formDestination
	formBus
)

// formOf goes by the members that AWS's own forms always have.
func formOf(text string) (letterForm, error) {
	members, err := readMembers(text, []string{"type", "requestContext", "responseContext", "busArn", "failedMessages"})
	switch {
	case err != nil:
		return formNone, err
	case len(members) == 0:
		return formNone, nil
	case members[0].text == deadLetterType:
		return formOwn, nil
	case members[1].seen && members[2].seen:
		return formDestination, nil
	case members[3].seen && members[4].seen:
		return formBus, nil
	default:
		return formNone, nil
	}
}

func ownLetter(text string) (letter DeadLetter, err error) {
	err = letter.UnmarshalJSON([]byte(text))
	return letter, err
}

// destinationRecord is what Lambda writes about an invocation that failed.
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
// https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-errors.html
// https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
type destinationRecord struct {
	Timestamp      string `json:"timestamp"`
	RequestContext struct {
		RequestID   string `json:"requestId"`
		FunctionARN string `json:"functionArn"`
		Condition   string `json:"condition"`
		Attempts    int    `json:"approximateInvokeCount"`
	} `json:"requestContext"`
	RequestPayload  json.RawMessage `json:"requestPayload"`
	ResponseContext struct {
		FunctionError string `json:"functionError"`
	} `json:"responseContext"`
	ResponsePayload json.RawMessage  `json:"responsePayload"`
	DynamoDB        *streamBatchInfo `json:"DDBStreamBatchInfo"` //nolint:tagliatelle // AWS chose it
	Kinesis         *streamBatchInfo `json:"KinesisBatchInfo"`   //nolint:tagliatelle // AWS chose it
	Payload         json.RawMessage  `json:"payload"`            // the whole event, in S3 alone
}

// streamBatchInfo says where the records stand in the stream; it does not hold
// them.
type streamBatchInfo struct {
	ShardID   string `json:"shardId"`
	Start     string `json:"startSequenceNumber"`
	End       string `json:"endSequenceNumber"`
	First     string `json:"approximateArrivalOfFirstRecord"`
	Size      int    `json:"batchSize"`
	StreamARN string `json:"streamArn"`
}

func destinationLetter(text string) (DeadLetter, error) {
	r, err := DecodeJSON[destinationRecord](text)
	if err != nil {
		return DeadLetter{}, err
	}
	name, cause := r.failure()
	letter := DeadLetter{ErrorName: name, Error: cause, Attempts: r.RequestContext.Attempts, At: parseTime(r.Timestamp)}
	info, source := r.DynamoDB, SourceDynamoDB
	if info == nil {
		info, source = r.Kinesis, SourceKinesis
	}
	if info == nil {
		payload := string(r.RequestPayload)
		letter.ID = hash("aws:lambda|" + r.RequestContext.FunctionARN + "|" + r.RequestContext.RequestID)
		letter.Message = Message{
			Source: sourceOfPayload(payload), ID: r.RequestContext.RequestID, ARN: r.RequestContext.FunctionARN,
			CorrelationID: r.RequestContext.RequestID, payload: payload, raw: payload,
		}
	} else {
		letter.ID = hash(string(source) + "|" + info.StreamARN + "|" + info.ShardID + "|" + info.Start + "|" + info.End)
		letter.Error = fmt.Sprintf("%s; %d records of shard %s, from %s to %s", cause, info.Size, info.ShardID, info.Start, info.End)
		letter.Message = Message{
			Source: source, ID: info.Start, ARN: info.StreamARN, Sequence: info.Start, Group: info.ShardID,
			Time: parseTime(info.First), CorrelationID: r.RequestContext.RequestID, payload: textOf(r.Payload), raw: text,
		}
		if letter.Message.payload == "" {
			letter.Message.payload = text
		}
	}
	letter.Message.Attempt = letter.Attempts
	return redactLetter(letter), nil
}

// failure is what the function answered, else the condition: RetriesExhausted,
// EventAgeExceeded, RetryAttemptsExhausted, MaximumRecordAgeExceeded.
func (r *destinationRecord) failure() (name, cause string) {
	var response struct {
		Type    string `json:"errorType"`
		Message string `json:"errorMessage"`
	}
	_ = json.Unmarshal(r.ResponsePayload, &response) // a function may answer anything
	name, cause = response.Type, response.Message
	if name == "" {
		name = r.RequestContext.Condition
	}
	if cause == "" {
		cause = r.RequestContext.Condition
		if r.ResponseContext.FunctionError != "" {
			cause += ", function error " + r.ResponseContext.FunctionError
		}
	}
	return name, cause
}

// busRecord is what a custom event bus writes about events that it could not
// deliver; it does not hold them.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-custom-bus-retry.html
type busRecord struct {
	BusARN    string `json:"busArn"`
	TargetARN string `json:"targetArn"`
	Code      string `json:"errorCode"`
	Message   string `json:"errorMessage"`
	Attempts  int    `json:"retryAttempts"`
	Failed    []struct {
		EventID   string `json:"eventId"`
		GroupID   string `json:"eventGroupId"`
		Timestamp string `json:"timestamp"`
	} `json:"failedMessages"`
}

func busLetter(text string) (DeadLetter, error) {
	r, err := DecodeJSON[busRecord](text)
	if err != nil {
		return DeadLetter{}, err
	}
	letter := DeadLetter{ErrorName: r.Code, Error: r.Message, Attempts: r.Attempts}
	letter.Message = Message{Source: SourceEventBridge, ARN: r.BusARN, Attempt: r.Attempts, payload: text, raw: text}
	identity := []string{string(SourceEventBridge), r.BusARN, r.TargetARN}
	for i, failed := range r.Failed {
		if i == 0 {
			letter.Message.ID, letter.Message.CorrelationID = failed.EventID, failed.EventID
			letter.Message.Group, letter.Message.Time = failed.GroupID, parseTime(failed.Timestamp)
		}
		identity = append(identity, failed.EventID)
	}
	letter.ID, letter.At = hash(strings.Join(identity, "|")), letter.Message.Time
	return redactLetter(letter), nil
}

// sqsLetter makes a dead letter of a message in a dead-letter queue.
func sqsLetter(r *events.SQSMessage) (DeadLetter, error) {
	attribute := func(name string) string {
		if a, ok := r.MessageAttributes[name]; ok && a.StringValue != nil {
			return *a.StringValue
		}
		return ""
	}
	if origin := r.Attributes["DeadLetterQueueSourceArn"]; origin != "" {
		// SQS says so itself, so whatever the body looks like, the sender wrote it.
		letter := movedLetter(r, origin)
		if id := attribute(FailureIDAttribute); id != "" {
			letter.ID = id
		}
		return redactLetter(letter), nil
	}
	switch {
	case attribute("RULE_ARN") != "" && attribute("ERROR_CODE") != "":
		return redactLetter(ruleLetter(r, attribute)), nil
	case attribute("RequestID") != "" && attribute("ErrorCode") != "":
		return redactLetter(asyncLetter(r, attribute)), nil
	}
	if form, err := formOf(r.Body); err == nil && form != formNone {
		return DecodeDeadLetter(r.Body)
	}
	return redactLetter(movedLetter(r, r.EventSourceARN)), nil
}

// movedLetter is a message that a redrive policy moved, or somebody by hand: all
// that is known is that it was received too often.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-dead-letter-queues.html
func movedLetter(r *events.SQSMessage, origin string) DeadLetter {
	letter := DeadLetter{
		ErrorName: "MaxReceivesExceeded", Error: "the message was received as often as the queue's redrive policy allows",
		Message: Message{
			Source: SourceSQS, ID: r.MessageId, ARN: origin, Sequence: r.Attributes["SequenceNumber"],
			Time: milliseconds(r.Attributes["SentTimestamp"]), CorrelationID: r.MessageId, TraceHeader: r.Attributes["AWSTraceHeader"],
			payload: r.Body,
		},
	}
	m := &letter.Message
	if isFIFO(origin) {
		m.Group = r.Attributes["MessageGroupId"]
	}
	if attempt, ok := parseInt(r.Attributes["ApproximateReceiveCount"]); ok {
		m.Attempt, letter.Attempts = int(attempt), int(attempt)
	}
	for name, a := range r.MessageAttributes {
		if lambdaevent.IsCorrelationID(name) && a.StringValue != nil && *a.StringValue != "" {
			m.CorrelationID = *a.StringValue
		}
	}
	letter.At = milliseconds(r.Attributes["ApproximateFirstReceiveTimestamp"])
	own := *r
	own.ReceiptHandle, own.EventSourceARN = "", origin
	if raw, err := json.Marshal(own); err == nil {
		m.raw = withoutMembers(string(raw), "receiptHandle")
	}
	letter.ID = letterID(m)
	return letter
}

// ruleLetter is an event that a rule of EventBridge could not deliver.
// https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-event-delivery.html
func ruleLetter(r *events.SQSMessage, attribute func(string) string) DeadLetter {
	letter := DeadLetter{
		ErrorName: attribute("ERROR_CODE"), Error: attribute("ERROR_MESSAGE"),
		At: milliseconds(r.Attributes["SentTimestamp"]),
	}
	letter.Attempts, _ = strconv.Atoi(attribute("RETRY_ATTEMPTS"))
	letter.Message = Message{
		Source: SourceEventBridge, ID: r.MessageId, CorrelationID: r.MessageId, Attempt: letter.Attempts, payload: r.Body, raw: r.Body,
	}
	var event events.EventBridgeEvent
	if lambdaevent.DecodeEventBridge(r.Body, &event) == nil && event.ID != "" {
		m := &letter.Message
		m.ID, m.CorrelationID, m.Time, m.payload = event.ID, event.ID, event.Time, string(event.Detail)
	}
	// A rule has several targets, each of which fails by itself.
	letter.ID = hash(string(SourceEventBridge) + "|" + letter.Message.ID + "|" + attribute("RULE_ARN") + "|" + attribute("TARGET_ARN"))
	return letter
}

// asyncLetter is the event of an asynchronous invocation, as it was.
// https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
func asyncLetter(r *events.SQSMessage, attribute func(string) string) DeadLetter {
	id := attribute("RequestID")
	return DeadLetter{
		ID:        hash("aws:lambda|" + id),
		ErrorName: "Status" + attribute("ErrorCode"), Error: attribute("ErrorMessage"),
		At: milliseconds(r.Attributes["SentTimestamp"]),
		Message: Message{
			Source: sourceOfPayload(r.Body), ID: id, CorrelationID: id, TraceHeader: r.Attributes["AWSTraceHeader"],
			payload: r.Body, raw: r.Body,
		},
	}
}

// redactLetter takes the token of a waiting task out of a letter that AWS wrote,
// and sets its event.
func redactLetter(d DeadLetter) DeadLetter {
	m := &d.Message
	if token := tokenIn(m.payload); token != "" {
		m.payload, m.raw = withoutToken(token, m.payload), withoutToken(token, m.raw)
		d.Error = withoutToken(token, d.Error)
	}
	d.Event = jsonText(m.payload)
	return d
}

// sourceOfPayload is the source of the event that a function was invoked with;
// empty where it is none that is known.
func sourceOfPayload(payload string) Source {
	detected, err := lambdaevent.Detect(payload)
	if err != nil {
		return ""
	}
	return sourceOf(detected.Kind)
}

// textOf is the text of a JSON string, and any other JSON as it is.
func textOf(raw json.RawMessage) string {
	s := scan.New(string(raw))
	if s.Kind() != scan.String {
		return string(raw)
	}
	return s.Text()
}

// parseTime reads a time of day; zero where it is none.
func parseTime(text string) time.Time {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return time.Time{}
	}
	return at
}
