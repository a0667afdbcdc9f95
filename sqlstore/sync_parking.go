package sqlstore

import (
	"context"
	"database/sql"
	"iter"
	"slices"

	"github.com/lambda-cqrs/cqrs"
)

// park keeps what is known, and of LatestSeen the higher; but what holds an
// aggregate back takes the place of a mark of divergence, which does not.
const park = `
INSERT INTO cqrs_parked (` + gateColumns + `, version, latest_seen, attempts, reason, diverged, since)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT (` + gateColumns + `) DO UPDATE SET
	version  = CASE WHEN cqrs_parked.diverged AND NOT excluded.diverged THEN excluded.version ELSE cqrs_parked.version END,
	attempts = CASE WHEN cqrs_parked.diverged AND NOT excluded.diverged THEN excluded.attempts ELSE cqrs_parked.attempts END,
	reason   = CASE WHEN cqrs_parked.diverged AND NOT excluded.diverged THEN excluded.reason ELSE cqrs_parked.reason END,
	since    = CASE WHEN cqrs_parked.diverged AND NOT excluded.diverged THEN excluded.since ELSE cqrs_parked.since END,
	diverged = cqrs_parked.diverged AND excluded.diverged,
	latest_seen = CASE
		WHEN cqrs_parked.diverged AND NOT excluded.diverged OR cqrs_parked.latest_seen < excluded.latest_seen
		THEN excluded.latest_seen ELSE cqrs_parked.latest_seen END`

// Park implements cqrs.ParkingStore. Since is kept in microseconds.
func (s *syncStore) Park(ctx context.Context, p cqrs.Parked) error {
	args, err := gateArgs(p.SyncKey, p.Version, p.LatestSeen, p.Attempts, storedText(p.Reason), p.Diverged(), micros(p.Since))
	if err == nil {
		_, err = s.db.ExecContext(ctx, park, args...)
	}
	return wrapSync("park", p.SyncKey, err)
}

// Unpark implements cqrs.ParkingStore. The counts of failures go with the entry.
func (s *syncStore) Unpark(ctx context.Context, k cqrs.SyncKey, applied int64) (removed bool, err error) {
	args, err := gateArgs(k)
	if err == nil {
		err = inTx(ctx, s.db, func(tx *sql.Tx) (err error) {
			applied := append(slices.Clip(args), applied)
			removed, err = changed(tx.ExecContext(ctx, `DELETE FROM cqrs_parked`+whereGate+` AND latest_seen <= $6`, applied...))
			if err != nil || !removed {
				return err
			}
			_, err = tx.ExecContext(ctx, `UPDATE cqrs_progress SET failures = ''`+whereGate, args...)
			return err
		})
	}
	return removed && err == nil, wrapSync("unpark", k, err)
}

// List implements cqrs.ParkingStore, in the order of the keys.
func (s *syncStore) List(ctx context.Context, table, target string) iter.Seq2[cqrs.Parked, error] {
	scan := func(row scanner) (cqrs.Parked, error) {
		p := cqrs.Parked{SyncKey: cqrs.SyncKey{Table: table}}
		var since int64
		err := row.Scan((*escaped)(&p.Target), (*escaped)(&p.Tenant), (*escaped)(&p.Key.PK), (*escaped)(&p.Key.SK),
			&p.Version, &p.LatestSeen, &p.Attempts, (*escaped)(&p.Reason), &since)
		p.Since = fromMicros(since)
		return p, err
	}
	return paged(func(last *cqrs.Parked) ([]cqrs.Parked, error) {
		after := cqrs.SyncKey{Table: table, Target: target}
		if last != nil {
			after = last.SyncKey
		}
		args, err := gateArgs(after, storedText(target), pageSize)
		if err != nil {
			return nil, err
		}
		page, err := queryAll(ctx, s.db, scan, `
SELECT target, tenant, pk, sk, version, latest_seen, attempts, reason, since FROM cqrs_parked
WHERE command_table = $1 AND (target, tenant, pk, sk) > ($2, $3, $4, $5) AND ($6 = '' OR target = $6)
ORDER BY target, tenant, pk, sk LIMIT $7`, args...)
		return page, wrapSync("list what is parked of", after, err)
	})
}
