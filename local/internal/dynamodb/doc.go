// Package dynamodb is DynamoDB with its streams, in memory, in one process. It
// serves what the library and programs built on it call, through the real SDK
// clients or by Go calls, and refuses everything else by name: a parameter that
// is ignored would be a wrong success.
//
// Everything that a write does (condition, table, indexes, stream) happens at
// once, in one critical section, so reads are always consistent. What AWS leaves
// open is open here too where that finds bugs: [Options] can shuffle the stream
// records of different items, keep expired items, and let transactions conflict.
//
// Left out: local secondary indexes, PartiQL, the parameters from before
// expressions (Expected, AttributeUpdates and their like), backups, global
// tables, throttling by provisioned throughput.
package dynamodb
