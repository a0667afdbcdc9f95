// Package doctor compares a Lambda function's code with what is deployed around it:
// whether everything that the code takes is connected to it and nothing else, and
// whether AWS is set so that nothing is lost.
//
// AWS takes a mapping without ReportBatchItemFailures, a queue whose messages come
// back while they are still being handled, and a stream whose abandoned records go
// nowhere, without a word. A function cannot see any of it from inside.
//
//	d, err := doctor.ReadTemplate(text, nil)                // an AWS SAM template, before it is deployed
//	d, err := doctor.Inspect(ctx, doctor.NewClients(cfg), "shop") // or what is deployed
//	for _, finding := range doctor.Check(code, d) {
//		fmt.Println(finding)
//	}
//
// [Run] makes a command of it. A test that expects no finding in the template keeps
// it and the code together.
//
// # Rules
//
// Errors, by which something is lost, applied twice, or cannot work:
//
//	batch-failures-unreported   the mapping deletes what failed
//	source-missing              no records come for a rule of the factory, or for a data sync
//	source-unrouted             records come that no rule takes
//	envelope-raw                what a topic sends to a queue has no envelope, and one is opened
//	envelope-unopened           it has one, and none is opened
//	queue-visibility            a message comes again while it is handled: below 6 times the timeout
//	queue-last-attempt          Config.MaxReceives and maxReceiveCount differ
//	dead-letter-kind            a FIFO queue with a dead-letter queue that is none
//	stream-destination          records that are given up go nowhere
//	stream-view                 the stream lacks the images that the factory decodes
//	async-destination           events that are given up go nowhere
//	task-callback               a state waits for its token, and nobody tells it
//	task-heartbeat              a state wants heartbeats, and gets none
//	table-missing               a store's table is not there
//	sync-ttl                    tombstones vanish
//	idempotency-key             the table's key is not that of the store
//	variable-missing            the code needs a variable
//	permission-missing          the role does not allow what the code does
//	permission-denied           the role denies it
//
// Warnings: mapping-disabled, batch-failures-unused, queue-dead-letters,
// queue-receives (below 5), dead-letter-retention, stream-retries, stream-bisect,
// stream-latest, async-retries, delivery-dead-letters, task-timeout, timeout-long,
// idempotency-short, idempotency-ttl, permission-wide, permission-unused. Notes:
// factory-unknown, variable-unknown, permission-conditional, unread.
package doctor
