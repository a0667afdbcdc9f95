// Package cqrs is event-driven CQRS for Go on AWS Lambda. One function receives
// any mix of SQS, SNS, S3, DynamoDB Streams, Kinesis, EventBridge and Step
// Functions events; what a team writes is its own events and their handlers.
//
//	payload ─▶ Dispatcher ─▶ (per record) EventFactory ─▶ []Event ─▶ Registry ─▶ middleware ─▶ Handler[T]
//	                │                                                              │
//	                └──────────── outcome of each record ◀─────────────────────────┘
//	                        batchItemFailures · result · error
//
// It promises, in this order: nothing is lost, nothing is applied twice, nothing
// is slow.
//
// # Events
//
// An event is any Go value; its type selects the handlers. It comes from one
// record, of which a handler that wants to know finds the [Message] in the
// [Delivery] of its context:
//
//	type SendNotification struct {
//		Recipient string `json:"recipient"`
//	}
//
// # Factory
//
// An [EventFactory] turns AWS records into events. A [Mux] is one that is
// declared:
//
//	mux := cqrs.NewMux()
//	cqrs.OnSQS[SendNotification](mux, cqrs.TypeField("type", "NOTIFICATION"))
//	cqrs.OnDynamoDB[OrderCreated](mux, cqrs.PKPrefix("ORDER#"), cqrs.Inserted|cqrs.Modified)
//	cqrs.OnEventBridge[OrderShipped](mux, cqrs.DetailType("com.shop", "Order Shipped"))
//
// [Envelopes] opens messages that AWS services put into one another, such as S3
// events in SNS notifications in a queue. A factory of one's own embeds
// [DefaultEventFactory]. Either way a record that nobody expected fails with
// [ErrUnrouted]; none is acknowledged by accident.
//
// # Handlers
//
// A [Handler] takes events of one type, and a [Registry] knows the handlers:
//
//	registry := cqrs.NewRegistry()
//	cqrs.RegisterFunc(registry, func(ctx context.Context, n SendNotification) error {
//		return mailer.Send(ctx, n.Recipient)
//	})
//
// What a handler returns decides over its record. nil acknowledges it. An error
// lets it come again; [Permanent], [RetryAfter], [Skip] and [Named] say more.
// A panic is the failure of its record alone.
//
// # Dispatcher
//
// [New] checks the whole wiring and makes the [Dispatcher], which is a
// lambda.Handler; [Start] runs it:
//
//	func main() {
//		cqrs.Start(cqrs.Config{Factory: mux, Registry: registry})
//	}
//
// It answers each source in that source's own terms:
//
//	source        records run                         a record fails                         answer
//	SQS           in order, or Concurrency at once    it is reported                         batchItemFailures
//	SQS FIFO      in order within each group          it and the rest of its group are       batchItemFailures
//	DynamoDB,     in order; with Concurrency, items   the lowest failed sequence number is;  batchItemFailures
//	Kinesis       in parallel                         what is behind it does not run
//	SNS, S3,      in order, or Concurrency at once    the others run all the same            an error
//	EventBridge
//	Step          –                                   under a stable errorType               the handler's result
//	Functions
//
// Where nothing succeeded, SQS and streams get an error too: it means the same
// to AWS and shows in the function's Errors metric. For the lists to count, the
// event source mapping must have ReportBatchItemFailures; for one that has not,
// set Config.BatchMode to [WholeBatch].
//
// Near the invocation's deadline no record starts any more, and those that did
// not start come again.
//
// # Middleware
//
// A [Middleware] wraps handlers: for all routes ([NewRegistry]), for a group
// ([Registry.With]) or for one ([With]). A [Policy] holds those that most handlers
// need, in the one order that is safe, in [Config] for all routes or for one by
// [RoutePolicy]:
//
//	log ▸ callback ▸ idempotency ▸ retry ▸ timeout ▸ recover ▸ handler
//
//	[Callback]     tells the Step Functions task that waits, and keeps it alive
//	[Idempotent]   runs an event once, and answers its duplicates with the outcome
//	[Retry]        tries again within the invocation
//	[Timeout]      ends the context of each attempt
//	[Recover]      makes an error of a panic
//
//	cqrs.Start(cqrs.Config{
//		Factory: mux, Registry: registry, Alarm: alarmer, DeadLetter: sink,
//		Policy: cqrs.Policy{Idempotency: store, Retry: &cqrs.RetryPolicy{}, Timeout: 20 * time.Second},
//	})
//
// What makes two events the same is their key: [KeyBy], a method EventKey, or else
// the record's identity. [Each] runs many items inside of one handler and goes on
// where one fails.
//
// What concerns a record rather than a handler sits at the record's edge, in
// [Config]: an [Alarmer], a [DeadLetterSink], a [Redeliverer] and an [Observer].
// [AlarmOnFailure] and [DeadLetters] choose others for single routes, and the edge
// does not repeat them. [ThrottleAlarms] makes one alarm of a storm.
//
// [OnDeadLetter] reads dead letters, ours and those of AWS; [StoreFailures] keeps
// them for package redrive to deliver again.
package cqrs
