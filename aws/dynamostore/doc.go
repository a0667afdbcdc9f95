// Package dynamostore keeps the state of the library in DynamoDB: idempotency
// records, commands with their data and history, and the progress of data syncs.
//
// Each constructor takes an interface of the few methods that it calls, which
// *dynamodb.Client satisfies. Nothing is read from the environment: region,
// credentials and retries are the client's. Beside the SDK's own retries, a call
// that met another transaction on the same item is repeated a few times with
// jitter, since the SDK gives up on it at once.
//
// A write whose acknowledgement is lost is sent again by the SDK and then meets
// what it wrote itself. Every conditional write here recognises its own work.
package dynamostore
