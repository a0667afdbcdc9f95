// Package sqlstore keeps what the library has to remember in PostgreSQL or SQLite,
// through database/sql and whichever driver the application brings.
//
//   - [NewIdempotency] is a cqrs.IdempotencyStore in a table of its own.
//   - [Transactional] is the middleware that makes an effect exactly once: the
//     handler's writes and the event's outcome commit in one transaction.
//   - [NewFailures] keeps failures for package redrive, with an audit.
//
// [Schema] has the statements that create the tables; [Create] runs them. Whoever
// has migrations of his own puts them there.
//
// # Databases
//
// All statements are the same for both databases: PostgreSQL 10 and SQLite 3.35,
// or later. Times are integers, in microseconds since 1970. The functions may be
// called in parallel; what that means for SQLite is up to its driver, which needs
// a busy timeout and, for [Transactional], transactions that begin IMMEDIATE.
package sqlstore
