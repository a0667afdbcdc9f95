package command

import (
	"context"
	"iter"

	"github.com/lambda-cqrs/cqrs"
)

// Latest stands, as a version, for the newest one.
const Latest int64 = -1

// Row is a command as it is stored: lossless, free of the application's type
// and of any SDK. Its key is the aggregate's, without a version.
type Row = cqrs.Command[cqrs.Image]

// Store keeps rows in three tables: every version in the command table, the
// newest in the data table, and every version again in the history table, once it
// has come to the data. It is called from many goroutines at once. A row's times
// are kept in milliseconds, its TTL in seconds.
type Store interface {
	// Append writes a version to the command table, if it is not there. Our own
	// row again, with the same request id and content, is nil; another one is a
	// *cqrs.VersionConflict.
	Append(ctx context.Context, row Row) error
	// Commit writes a version to the command, data and history tables in one
	// transaction, on the same condition, and that the data are older.
	Commit(ctx context.Context, row Row) error
	// Project writes a version to the data table where that is older, and to the
	// history table in any case. A cqrs.Skip says that the data are as new or
	// newer, a *cqrs.DivergenceError that they have the version with other content.
	// cqrs.WithReplaceEqual lets an equal version through.
	Project(ctx context.Context, row Row) error
	// Get reads the data table, consistently. The error for what is not there, here
	// and below, matches cqrs.ErrNotFound.
	Get(ctx context.Context, key cqrs.Key) (Row, error)
	// GetCommand reads one version from the command table, consistently.
	GetCommand(ctx context.Context, key cqrs.Key, version int64) (Row, error)
	// List reads the data table in the order of the sort keys.
	List(ctx context.Context, q Query) iter.Seq2[Row, error]
	// History reads the versions above after from the history table, in ascending
	// order.
	History(ctx context.Context, key cqrs.Key, after int64) iter.Seq2[Row, error]
	// Scan reads one page of a table, in no order. An empty next ends the segment.
	Scan(ctx context.Context, p Page) (rows []Row, next string, err error)
}

// Query selects aggregates of one type and tenant.
type Query struct {
	PK       string // TYPE#tenant; required
	Prefix   string // of the sort key
	From, To string // bounds of the sort key, both included; empty: none. Not together with Prefix
	After    string // continue behind this sort key
	Reverse  bool   // descending
	Limit    int    // at most so many; 0: all
	PageSize int    // rows a request; 0: as many as DynamoDB gives, 1 MB
	Deleted  bool   // also those that are deleted
}

// Page selects a part of a table for [Store.Scan].
type Page struct {
	Commands bool   // the command table, every version; else the data table
	Segment  int    // of Segments, from 0
	Segments int    // 0 and 1: the whole table is one
	Limit    int    // rows a page; 0: as many as DynamoDB gives, 1 MB
	Cursor   string // next of the page before; empty: from the start
}
