package cqrstest

import (
	"fmt"
	"strconv"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/internal/lambdaevent"
)

// Redelivery is what AWS delivers next after that answer, and false where
// nothing is to follow:
//
//	SQS                    the messages that failed, each with one receive more
//	DynamoDB, Kinesis      everything from the lowest sequence number that failed
//	SNS, S3, EventBridge   the same once more, where the invocation failed
//	Step Functions         the task with a retry more and a token of its own, where it failed
//
// It takes for granted that the event source mapping has
// ReportBatchItemFailures, and knows of no maxReceiveCount; see
// [Payload.WithoutExhausted].
func (p Payload) Redelivery(a Answer) (Payload, bool) {
	switch p.source {
	case cqrs.SourceSQS:
		if len(a.Failed) == 0 {
			return Payload{}, false
		}
		return p.Only(a.Failed...).again(), true
	case cqrs.SourceDynamoDB, cqrs.SourceKinesis:
		return p.fromCheckpoint(a.Failed)
	default:
		if a.Err == nil || len(p.records) == 0 {
			return Payload{}, false
		}
		return p.again(), true
	}
}

// Again is the same delivery once more, as when the function was killed before
// it could answer.
func (p Payload) Again() Payload {
	if len(p.records) == 0 {
		return p
	}
	return p.again()
}

func (p Payload) again() Payload {
	next := Payload{source: p.source, records: make([]record, len(p.records))}
	for i, r := range p.records {
		switch p.source {
		case cqrs.SourceSQS:
			r = with(r, strconv.Itoa(receives(r)+1), "attributes", "ApproximateReceiveCount")
			r = with(r, "AQEB"+randomHex(24)+"==", "receiptHandle")
		case cqrs.SourceStepFunctions:
			r = retried(r)
		}
		next.records[i] = r
	}
	return next
}

// WithoutExhausted leaves out the messages that have been received more often
// than the queue's maxReceiveCount allows: SQS has moved them to the dead-letter
// queue. Records of other sources all stay.
func (p Payload) WithoutExhausted(maxReceives int) Payload {
	if p.source != cqrs.SourceSQS {
		return p
	}
	kept := Payload{source: p.source}
	for _, r := range p.records {
		if receives(r) <= maxReceives {
			kept.records = append(kept.records, r)
		}
	}
	return kept
}

func receives(r record) int {
	n, err := strconv.Atoi(textAt(r, "attributes", "ApproximateReceiveCount"))
	if err != nil {
		return 1
	}
	return n
}

// fromCheckpoint is the rest of the batch from the lowest failure on.
func (p Payload) fromCheckpoint(failed []string) (Payload, bool) {
	if len(failed) == 0 {
		return Payload{}, false
	}
	lowest := failed[0]
	for _, id := range failed[1:] {
		if lambdaevent.LessSequence(id, lowest) {
			lowest = id
		}
	}
	next := Payload{source: p.source}
	for i, id := range p.IDs() {
		if !lambdaevent.LessSequence(id, lowest) {
			next.records = append(next.records, p.records[i])
		}
	}
	return next, len(next.records) > 0
}

// retried is the task as a state machine's Retry starts it.
func retried(r record) record {
	context, _ := r["context"].(record)
	if context != nil {
		count := 0
		if state, ok := context["State"].(record); ok {
			count, _ = strconv.Atoi(fmt.Sprint(state["RetryCount"]))
		}
		r = with(r, count+1, "context", "State", "RetryCount")
	}
	if textAt(r, "taskToken") == "" {
		return r
	}
	token := string(NewToken())
	r = with(r, token, "taskToken")
	if context != nil {
		r = with(r, token, "context", "Task", "Token")
	}
	return r
}
