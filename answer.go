package cqrs

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-lambda-go/lambda/messages"
	"github.com/go-json-experiment/json/jsontext"
)

// What AWS takes as an answer. A longer response makes the Runtime API answer
// 413, on which aws-lambda-go ends the process; a longer result of a task that
// does not wait for a callback ends its execution with States.DataLimitExceeded,
// which no Catch can catch.
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
// https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
const (
	maxResponse   = 6 << 20
	maxTaskResult = 256 << 10
	maxTaskCause  = 32 << 10
)

// errHeldBack is why a record did not run although there was time.
var errHeldBack = errors.New("cqrs: not run, since a record before it failed and their order counts")

// answer tells AWS what became of the records.
func (b *batch) answer(s *schedule) ([]byte, error) {
	switch {
	case b.source == SourceStepFunctions:
		return b.taskAnswer(s)
	case b.d.batchMode == WholeBatch, !b.reportsItems():
		if left := b.left(s); len(left) > 0 {
			return nil, &BatchError{Records: left, Total: len(b.messages)}
		}
		if !b.reportsItems() {
			return []byte("null"), nil
		}
		return b.failures(nil), nil
	case b.nothingDone(s):
		// The same to AWS as a list of everything, but it shows in the Errors
		// metric, and it is safe where the mapping ignores the list.
		return nil, &BatchError{Records: b.left(s), Total: len(b.messages)}
	case b.source == SourceSQS:
		return b.failures(b.leftIDs(s)), nil
	default:
		var ids []string
		if first, ok := lowest(b.messages, s.status); ok {
			ids = []string{b.messages[first].Sequence}
		}
		return b.failures(ids), nil
	}
}

// reportsItems reports whether the source takes a list of failures.
func (b *batch) reportsItems() bool {
	return b.source == SourceSQS || b.source == SourceDynamoDB || b.source == SourceKinesis
}

// nothingDone reports whether every record failed: of SQS, was left for another
// delivery; of a stream, ran and failed, since there one that did not run says
// nothing about itself.
func (b *batch) nothingDone(s *schedule) bool {
	for _, state := range s.status {
		if state == succeeded || state == unstarted && b.source != SourceSQS {
			return false
		}
	}
	return true
}

// left lists the records that failed or did not run, in the order of the batch.
func (b *batch) left(s *schedule) []*RecordError {
	var left []*RecordError
	for i, state := range s.status {
		switch state {
		case failed:
			left = append(left, b.results[i].failure)
		case unstarted:
			m := &b.messages[i]
			left = append(left, &RecordError{Source: m.Source, ID: m.ID, Attempt: m.Attempt, Err: s.whyUnstarted()})
		}
	}
	return left
}

// leftIDs lists the messages that failed or did not run, each once.
func (b *batch) leftIDs(s *schedule) []string {
	var ids []string
	var listed map[string]bool
	for i, state := range s.status {
		if id := b.messages[i].ID; state != succeeded && !listed[id] {
			if listed == nil {
				listed = map[string]bool{}
			}
			listed[id] = true
			ids = append(ids, id)
		}
	}
	return ids
}

// failures is the partial batch response. The response of a tumbling window
// must carry the window's state.
// https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-windows.html
func (b *batch) failures(ids []string) []byte { return batchResponse(b.window, b.state, ids) }

func batchResponse(window bool, state string, ids []string) []byte {
	answer := make([]byte, 0, 32+64*len(ids))
	answer = append(answer, '{')
	if window {
		answer = append(append(append(answer, `"state":`...), state...), ',')
	}
	answer = append(answer, `"batchItemFailures":[`...)
	for i, id := range ids {
		if i > 0 {
			answer = append(answer, ',')
		}
		answer = append(answer, `{"itemIdentifier":`...)
		answer, _ = jsontext.AppendQuote(answer, id) // the scanner let only valid UTF-8 through
		answer = append(answer, '}')
	}
	return append(answer, "]}"...)
}

// taskAnswer is the result of a Step Functions task, or its error under a name
// that a state machine can match.
func (b *batch) taskAnswer(s *schedule) ([]byte, error) {
	r := &b.results[0]
	var err error
	switch s.status[0] {
	case succeeded:
		var result []byte
		if result, err = b.taskResult(r.result); err == nil {
			return result, nil
		}
	case failed:
		err = r.failure.Err
	default:
		err = s.whyUnstarted()
	}
	return nil, messages.InvokeResponse_Error{
		Type:    errorName(err),
		Message: cut(withoutToken(r.token, err.Error()), maxTaskCause),
	}
}

func (b *batch) taskResult(result any) ([]byte, error) {
	if result == nil {
		return []byte("null"), nil
	}
	answer, err := json.Marshal(result)
	if err != nil {
		return nil, fmt.Errorf("cqrs: the handler's result, a %T, cannot be encoded: %w", result, err)
	}
	// A task that waits for a callback drops the result; any other caller but a
	// state machine takes as much as Lambda does.
	limit := maxResponse
	if m := &b.messages[0]; m.ID != "" && m.TaskToken == "" {
		limit = maxTaskResult
	}
	if len(answer) > limit {
		return nil, describe(ErrTooLarge, "cqrs: the handler's result has %d bytes, AWS takes %d: store it and return where it is",
			len(answer), limit)
	}
	return answer, nil
}

// checkSize refuses a response that would end the process.
func checkSize(answer []byte) ([]byte, error) {
	if len(answer) > maxResponse {
		return nil, describe(ErrTooLarge, "cqrs: the response has %d bytes, Lambda takes %d", len(answer), maxResponse)
	}
	return answer, nil
}
