// Package sqsqueue keeps dead letters in SQS, brings them and other messages
// back, and delays the redelivery of single messages.
//
// Each constructor takes an interface of the few methods that it calls, which
// *sqs.Client satisfies. Nothing is read from the environment. Beside the SDK's
// own retries, a call that KMS throttled is repeated, with jitter, while the
// context lives. No error carries a body or a receipt handle.
package sqsqueue
