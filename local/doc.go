// Package local is the AWS that the library needs, in one process on one
// loopback port, for development and tests: SQS, SNS, EventBridge, Step
// Functions, S3, Lambda and DynamoDB with its streams. Everything is kept in
// memory, starts within milliseconds, and is reached through the real SDK
// clients:
//
//	a, err := local.Start(ctx)
//	if err != nil {
//		return err
//	}
//	defer a.Close()
//	queues := sqs.NewFromConfig(a.Config())
//
// What it does not support it refuses with an error that names the operation or
// the parameter; it never ignores one.
//
// # Functions
//
// [AWS.Function] runs a handler in this process, [AWS.Process] in processes of its
// own that may panic, exit, time out or be killed. [Function.OnQueue],
// [Function.OnStream], [Function.OnTopic], [Function.OnBucket] and
// [Function.OnRule] feed it as AWS does, mistakes included: without
// [ReportBatchItemFailures], a message that the function reports as failed is
// deleted.
//
// # Time
//
// With [UseClock], visibility timeouts, delays, retries, waits, schedules and
// expiry follow a clock that a test advances.
//
// # Faults
//
// [AWS.Inject] loses an acknowledgement, throttles or delays a call, delivers a
// message twice, or kills a function at the moment of a call. [ShuffleStreams] has
// the records of a stream come in any order that AWS allows.
//
// # Console
//
// [AWS.ConsoleURL] is a page on which people watch all that, and redrive dead
// letters.
//
// # The Runtime API alone
//
// [RuntimeAPI] serves the Lambda Runtime API, on which the real event loop of
// aws-lambda-go runs in a process of its own. [Self] starts the running program a
// second time, as that process; where AWS_LAMBDA_RUNTIME_API is set, a program is
// the function and calls lambda.Start.
package local
