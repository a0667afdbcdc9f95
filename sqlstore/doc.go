// Package sqlstore keeps read models, and what the library has to remember, in
// PostgreSQL or SQLite, through database/sql and whichever driver the application
// brings.
//
//   - [Project] is a target of a cqrs.DataSync whose gate commits in one transaction
//     with what its handler writes: each version takes effect exactly once.
//   - [Upsert] is a target of one row an aggregate, with the gate in the row; its
//     columns come from a struct with db tags.
//   - [NewSync] is a cqrs.SyncStore: the progress of other targets, and what is
//     parked of all.
//   - [Transactional] is the middleware that makes the effect of an event exactly
//     once: the handler's writes and the event's outcome commit in one transaction.
//   - [NewIdempotency] is a cqrs.IdempotencyStore in a table of its own.
//   - [NewFailures] keeps failures for package redrive, with an audit.
//
// [Schema] has the statements that create the tables; [Create] runs them. Whoever
// has migrations of his own puts them there, and those of [UpsertSchema].
//
// # Databases
//
// All statements are the same for both databases: PostgreSQL 10 and SQLite 3.35,
// or later. Times are integers, in microseconds since 1970. The functions may be
// called in parallel; what that means for SQLite is up to its driver, which needs
// a busy timeout and, for [Transactional], transactions that begin IMMEDIATE.
package sqlstore
