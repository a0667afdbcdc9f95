// Package readmodels is what the shop reads: three targets of each data sync, and
// what an operator does when one of them could not take a version.
//
//	target      kept in                     gate                          each version
//	sql         PostgreSQL or SQLite        in the same transaction       takes effect once
//	search      one DynamoDB item each      the condition of its write    takes effect once, or a newer one does
//	analytics   one S3 object a version     progress in the SyncStore     is there once, all of them
//
// Whatever is delivered twice, in the wrong order, or to a process that ends in the
// middle: all three end as if every version had come once, in order.
package readmodels
