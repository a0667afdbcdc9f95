package sqlstore

import (
	"fmt"
	"reflect"
	"strings"
)

// UpsertSchema returns the statements that make a table of the team's own ready for
// [Upsert]: five columns and the unique index over the aggregate's key, and a view
// of R's columns without tombstones, unless view is empty. They belong into a
// migration: they run once, after the table was created.
//
// Rows that are there before have no aggregate. Fill in their cqrs_pk and cqrs_sk,
// and a rebuild takes them over; otherwise it makes new ones beside them.
//
// It panics where Upsert does.
func UpsertSchema[R any](table, view string) []string {
	columns, name := columnsOf(reflect.TypeFor[R]()), quotedTable("table", table)
	add := "ALTER TABLE " + name + " ADD COLUMN "
	statements := []string{
		add + "cqrs_pk text",
		add + "cqrs_sk text",
		add + "cqrs_version bigint NOT NULL DEFAULT 0",
		add + "cqrs_hash text NOT NULL DEFAULT ''",
		add + "cqrs_deleted boolean NOT NULL DEFAULT false",
		fmt.Sprintf(`CREATE UNIQUE INDEX "%s_cqrs_key" ON %s (cqrs_pk, cqrs_sk)`, table[strings.LastIndex(table, ".")+1:], name),
	}
	if view == "" {
		return statements
	}
	names := make([]string, len(columns))
	for i, c := range columns {
		names[i] = c.name
	}
	return append(statements, fmt.Sprintf("CREATE VIEW %s AS SELECT %s FROM %s WHERE NOT cqrs_deleted",
		quotedTable("view", view), strings.Join(names, ", "), name))
}
