package sqlstore_test

import (
	"database/sql"
	"encoding/json"
	"log/slog"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/command"
	"github.com/lambda-cqrs/cqrs/sqlstore"
)

// shop is a command table and its read models, with everything between.
type shop struct {
	*world

	commands command.Store
	orders   *command.Service[order]
	stream   *cqrs.Dispatcher
}

func newShop(t *testing.T, db *sql.DB) *shop {
	t.Helper()
	createWorld(t, db)
	commands := command.NewMemory()
	s := &shop{world: newWorld(t, db, commands), commands: commands}
	s.sync = cqrs.NewDataSync(commandTable, s.store, command.Target[order](commands),
		sqlstore.Project(s.db, readTarget, s.upRead, s.downRead),
		sqlstore.Project(s.db, ledgerTarget, s.book, s.book, cqrs.Sequential()),
		sqlstore.Upsert(s.db, rowTarget, "order_row", rowOfOrder),
	).With(quiet())
	s.orders = command.New(command.Config[order]{Store: commands, Sync: s.sync})
	registry := cqrs.NewRegistry()
	cqrs.RegisterDataSync(registry, s.sync)
	var err error
	s.stream, err = cqrs.New(cqrs.Config{Registry: registry, Logger: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	return s
}

// streams sends the versions through the function as its stream does.
func (s *shop) streams(t *testing.T, sk string, versions ...int64) {
	t.Helper()
	var records []any
	for _, version := range versions {
		row, err := s.commands.GetCommand(t.Context(), orderKey(sk), version)
		require.NoError(t, err)
		row.Key = row.Key.At(version)
		item, err := cqrs.EncodeRow(row)
		require.NoError(t, err)
		records = append(records, map[string]any{
			"eventID": row.SK, "eventName": "INSERT", "eventSource": "aws:dynamodb", "awsRegion": "eu-west-1",
			"eventSourceARN": "arn:aws:dynamodb:eu-west-1:123456789012:table/" + commandTable + "/stream/2026-11-01T00:00:00.000",
			"dynamodb": map[string]any{
				"Keys":     map[string]any{"pk": map[string]any{"S": row.PK}, "sk": map[string]any{"S": row.SK}},
				"NewImage": item, "SequenceNumber": row.SK, "StreamViewType": "NEW_IMAGE",
			},
		})
	}
	payload, err := json.Marshal(map[string]any{"Records": records})
	require.NoError(t, err)
	answer, err := s.stream.Invoke(t.Context(), payload)
	require.NoError(t, err)
	require.JSONEq(t, `{"batchItemFailures":[]}`, string(answer))
}

func (s *shop) verify(t *testing.T, target string) map[string]command.Drift {
	t.Helper()
	all := map[string]command.Drift{}
	for d, err := range s.orders.Verify(t.Context(), target) {
		require.NoError(t, err)
		all[d.Key.SK] = d
	}
	return all
}

var sqlTargets = []string{readTarget, ledgerTarget, rowTarget}

// fill publishes some orders, in all ways, and lets the stream bring them.
func (s *shop) fill(t *testing.T) {
	t.Helper()
	for _, sk := range []string{"1", "2", "3", "4"} {
		first, err := s.orders.PublishSync(t.Context(), cqrs.Command[order]{Key: orderKey(sk), Attributes: order{Total: 100, Note: "first"}})
		require.NoError(t, err)
		require.Empty(t, s.verify(t, readTarget), "committed and projected")
		first.Attributes.Total = 200
		second, err := s.orders.Publish(t.Context(), first)
		require.NoError(t, err)
		s.streams(t, sk, 2, 1, 2)
		_, err = s.orders.Update(t.Context(), second.Key, func(c *cqrs.Command[order]) error { c.Attributes.Note = "third"; return nil })
		require.NoError(t, err)
		if sk == "4" {
			_, err := s.orders.Delete(t.Context(), orderKey(sk), 3)
			require.NoError(t, err)
			s.streams(t, sk, 4, 3)
			continue
		}
		s.streams(t, sk, 3, 2)
	}
	// A newer release has written something that this one does not know.
	row, err := s.commands.GetCommand(t.Context(), orderKey("1"), 3)
	require.NoError(t, err)
	row.Version, row.RequestID = 4, "newer"
	row.Attributes, err = cqrs.NewImage(map[string]any{"total": 300, "note": "fourth", "unknown": []string{"x"}})
	require.NoError(t, err)
	require.NoError(t, s.commands.Append(t.Context(), row))
	s.streams(t, "1", 4)
}

func TestCommandsToReadModels(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, open func(*testing.T) *sql.DB) {
		t.Helper()
		s := newShop(t, open(t))
		defer func() { require.NoError(t, s.db.Close()) }()
		s.fill(t)
		require.Equal(t, []string{"ORDER#acme 1 300", "ORDER#acme 2 200", "ORDER#acme 3 200"}, query(t, s.db, ofRead))
		require.Equal(t, []string{"200 third", "200 third", "300 fourth"}, query(t, s.db, ofView))
		require.Equal(t, []string{"ORDER#acme 1 800", "ORDER#acme 2 500", "ORDER#acme 3 500", "ORDER#acme 4 700"}, query(t, s.db, ofBalance))
		require.Empty(t, query(t, s.db, ofParked))
		for _, target := range append([]string{command.TargetData}, sqlTargets...) {
			require.Empty(t, s.verify(t, target), target)
		}
		before := dump(t, s.db)
		_, err := s.orders.Rebuild(t.Context(), command.Rebuild{Commands: true, PageSize: 2})
		require.NoError(t, err)
		require.Equal(t, before, dump(t, s.db), "everything once more changes nothing")
	})
}

// TestVerifyAndRepair finds what is missing, stale, diverged and extra, and mends
// it through the gate.
func TestVerifyAndRepair(t *testing.T) {
	t.Parallel()
	plants := map[string][]string{
		readTarget: {
			`DELETE FROM cqrs_progress WHERE target = 'read' AND sk = '1'`, `DELETE FROM order_read WHERE sk = '1'`,
			`UPDATE cqrs_progress SET version = 2, hash = '1:old' WHERE target = 'read' AND sk = '2'`, `UPDATE order_read SET total = 5 WHERE sk = '2'`,
			`UPDATE cqrs_progress SET hash = '1:other' WHERE target = 'read' AND sk = '3'`, `UPDATE order_read SET total = 6 WHERE sk = '3'`,
			`UPDATE cqrs_progress SET version = 3, deleted = false WHERE target = 'read' AND sk = '4'`,
			`INSERT INTO order_read VALUES ('ORDER#acme', '4', 9)`,
			`INSERT INTO cqrs_progress (command_table, target, tenant, pk, sk, version, hash, deleted)
				VALUES ('` + commandTable + `', 'read', 'acme', 'ORDER#acme', '5', 1, '1:x', false)`,
		},
		rowTarget: {
			`DELETE FROM order_row WHERE cqrs_sk = '1'`,
			`UPDATE order_row SET cqrs_version = 2, cqrs_hash = '1:old', total = 5 WHERE cqrs_sk = '2'`,
			`UPDATE order_row SET cqrs_hash = '1:other', total = 6 WHERE cqrs_sk = '3'`,
			`UPDATE order_row SET cqrs_version = 3, cqrs_deleted = false, total = 7 WHERE cqrs_sk = '4'`,
			`INSERT INTO order_row (total, note, cqrs_pk, cqrs_sk, cqrs_version, cqrs_hash) VALUES (1, 'x', 'ORDER#acme', '5', 1, '1:x')`,
		},
	}
	removes := map[string]string{
		readTarget: `DELETE FROM cqrs_progress WHERE target = 'read' AND sk = '5'`, rowTarget: `DELETE FROM order_row WHERE cqrs_sk = '5'`,
	}
	for target, plant := range plants {
		t.Run(target, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, open func(*testing.T) *sql.DB) {
				t.Helper()
				s := newShop(t, open(t))
				defer func() { require.NoError(t, s.db.Close()) }()
				s.fill(t)
				before := dump(t, s.db)
				for _, statement := range plant {
					_, err := s.db.ExecContext(t.Context(), statement)
					require.NoError(t, err, statement)
				}
				drifts := s.verify(t, target)
				kinds := map[string]command.DriftKind{}
				for sk, d := range drifts {
					kinds[sk] = d.Kind
					require.Equal(t, "acme", d.Tenant)
				}
				require.Equal(t, map[string]command.DriftKind{
					"1": command.DriftMissing, "2": command.DriftStale, "3": command.DriftDiverged, "4": command.DriftStale, "5": command.DriftExtra,
				}, kinds)

				require.ErrorIs(t, s.orders.Repair(t.Context(), drifts["3"], false), cqrs.ErrDiverged)
				require.Error(t, s.orders.Repair(t.Context(), drifts["5"], true), "for somebody who knows why")
				for _, sk := range []string{"1", "2", "3", "4"} {
					require.NoError(t, s.orders.Repair(t.Context(), drifts[sk], sk == "3"))
				}
				_, err := s.db.ExecContext(t.Context(), removes[target])
				require.NoError(t, err)
				require.Empty(t, s.verify(t, target))
				require.Equal(t, before, dump(t, s.db))
			})
		})
	}
}
