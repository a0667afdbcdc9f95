// Package cqrstest is the test kit of package cqrs: for handlers and factories,
// for stores and other ports of your own, and for the promise that no crash at
// any moment loses an event or applies it twice. Whatever it does goes through
// cqrs.Dispatcher, as in production.
//
// # Payloads
//
// [SQS], [FIFO], [SNS], [Stream], [Kinesis], [S3], [EventBridge] and
// [StepFunction] make what AWS sends, with all of its members. Payloads nest as
// AWS nests them, and [Raw] takes one that was recorded:
//
//	cqrstest.SQS("orders", cqrstest.Body(order).ID("m-1").Received(3))
//	cqrstest.Stream("orders", cqrstest.Modify(before, after))
//	upload := cqrstest.S3("bucket", cqrstest.Created("a.csv"))
//	cqrstest.SQS("uploads", cqrstest.Body(cqrstest.Notification("topic", cqrstest.Body(upload))))
//
// # Invocations
//
// [Invoke] hands a payload to a dispatcher and reads the [Answer] as AWS does:
// [Payload.Redelivery] is what AWS would deliver next. A [Recorder] notes what
// ran. [Golden] compares recorded payloads with recorded answers.
//
// # Fakes and faults
//
// [Handler], [Alarms], [DeadLetters], [Redeliveries] and [Callbacks] stand in for
// ports, and [FaultyIdempotency] and [FaultySync] wrap stores; each goes wrong by
// a script ([Faults]). [Duplicate], [FailN], [LoseN] and [PanicOn] are middleware.
//
// # Conformance
//
// [IdempotencyStore] and [SyncStore] check a store of your own against what
// package cqrs needs of it.
//
// # Crashes
//
// [Explore] runs a [Scenario] with a crash before and after each of its external
// effects, with pairs of crashes, and with two workers that get in each other's
// way, and compares the ends.
//
// # Processes
//
// [StartFunction] runs a function in a process of its own, on the real event loop
// of aws-lambda-go.
//
// Environment variables: CQRSTEST_UPDATE=1 records answers anew, CQRSTEST_REPLAY
// runs one schedule of a scenario, and CQRSTEST_FUNCTION is set for the processes
// of functions.
package cqrstest
