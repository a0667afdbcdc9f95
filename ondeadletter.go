package cqrs

import "github.com/aws/aws-lambda-go/events"

// OnDeadLetter makes a [DeadLetter] of the messages that match: of a dead-letter
// queue, of a topic, or, by [DetailType], of an event bus that is the destination
// of failed invocations. It takes every form that a dead letter has:
//
//	a DeadLetter       as a DeadLetterSink writes it
//	SQS                a message that a redrive policy moved
//	Lambda             the record at a destination: of an asynchronous invocation, or of a batch of a stream,
//	                   which says where the records are; the event in a function's dead-letter queue
//	EventBridge        the event in the dead-letter queue of a rule; the record of a custom bus
//
// What is none of these and stands in a queue was put there by hand, and counts as
// a message that was moved. A message that SQS moved is taken for what it is,
// whatever its body says: the body is the sender's to choose.
//
// The letter is the same on each delivery, by its ID, and holds no task token:
// where the failed record had one, it stands redacted in the payload.
func OnDeadLetter(m *Mux, match Matcher) {
	added := false
	if match.appliesTo(SourceSQS) {
		OnSQS[DeadLetter](m, match, sqsLetter)
		added = true
	}
	if match.appliesTo(SourceSNS) {
		OnSNS[DeadLetter](m, match, func(r *events.SNSEventRecord) (DeadLetter, error) { return DecodeDeadLetter(r.SNS.Message) })
		added = true
	}
	if match.appliesTo(SourceEventBridge) {
		OnEventBridge[DeadLetter](m, match, func(e *events.EventBridgeEvent) (DeadLetter, error) {
			return DecodeDeadLetter(string(e.Detail))
		})
		added = true
	}
	if !added {
		panic("cqrs: OnDeadLetter(" + match.String() + "): dead letters come from queues, topics and event buses")
	}
}
