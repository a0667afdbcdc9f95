package cqrstest

import (
	"context"
	"iter"

	"github.com/lambda-cqrs/cqrs"
)

// syncPort is a SyncStore whose calls go through a caller.
type syncPort struct {
	store cqrs.SyncStore
	call  caller
}

// Load implements cqrs.SyncStore.
func (p syncPort) Load(ctx context.Context, k cqrs.SyncKey) (progress cqrs.Progress, err error) {
	err = p.call(ctx, "Load", func() (err error) {
		progress, err = p.store.Load(ctx, k)
		return err
	})
	return progress, err
}

// Advance implements cqrs.SyncStore.
func (p syncPort) Advance(ctx context.Context, k cqrs.SyncKey, from int64, to cqrs.Progress) error {
	return p.call(ctx, "Advance", func() error { return p.store.Advance(ctx, k, from, to) })
}

// Fail implements cqrs.SyncStore.
func (p syncPort) Fail(ctx context.Context, k cqrs.SyncKey, version int64, cause string) (attempts int, err error) {
	err = p.call(ctx, "Fail", func() (err error) {
		attempts, err = p.store.Fail(ctx, k, version, cause)
		return err
	})
	return attempts, err
}

// Park implements cqrs.SyncStore.
func (p syncPort) Park(ctx context.Context, parked cqrs.Parked) error {
	return p.call(ctx, "Park", func() error { return p.store.Park(ctx, parked) })
}

// Unpark implements cqrs.SyncStore.
func (p syncPort) Unpark(ctx context.Context, k cqrs.SyncKey, applied int64) (done bool, err error) {
	err = p.call(ctx, "Unpark", func() (err error) {
		done, err = p.store.Unpark(ctx, k, applied)
		return err
	})
	return done, err
}

// List implements cqrs.SyncStore.
func (p syncPort) List(ctx context.Context, table, target string) iter.Seq2[cqrs.Parked, error] {
	return func(yield func(cqrs.Parked, error) bool) {
		var all []cqrs.Parked
		err := p.call(ctx, "List", func() error {
			for parked, err := range p.store.List(ctx, table, target) {
				if err != nil {
					return err
				}
				all = append(all, parked)
			}
			return nil
		})
		for _, parked := range all {
			if !yield(parked, nil) {
				return
			}
		}
		if err != nil {
			yield(cqrs.Parked{}, err)
		}
	}
}

// readPort is a syncPort of a store that is asked about many keys at once.
type readPort struct {
	syncPort

	reader cqrs.SyncReader
}

// Status implements cqrs.SyncReader.
func (p readPort) Status(ctx context.Context, keys []cqrs.SyncKey) (status []cqrs.SyncStatus, err error) {
	err = p.call(ctx, "Status", func() (err error) {
		status, err = p.reader.Status(ctx, keys)
		return err
	})
	return status, err
}

// claimPort is a readPort of a store that notes attempts.
type claimPort struct {
	readPort

	claimer cqrs.SyncClaimer
}

// Claim implements cqrs.SyncClaimer.
func (p claimPort) Claim(ctx context.Context, k cqrs.SyncKey, from int64, c cqrs.SyncClaim) error {
	return p.call(ctx, "Claim", func() error { return p.claimer.Claim(ctx, k, from, c) })
}

// Complete implements cqrs.SyncClaimer.
func (p claimPort) Complete(ctx context.Context, k cqrs.SyncKey, from int64, to cqrs.Progress, c cqrs.SyncClaim) error {
	return p.call(ctx, "Complete", func() error { return p.claimer.Complete(ctx, k, from, to, c) })
}

// Release implements cqrs.SyncClaimer.
func (p claimPort) Release(ctx context.Context, k cqrs.SyncKey, c cqrs.SyncClaim) error {
	return p.call(ctx, "Release", func() error { return p.claimer.Release(ctx, k, c) })
}

// newSyncPort keeps what decides over how a DataSync works: a store whose claims
// were hidden would be used in another way than in production. It does not keep
// cqrs.SyncWalker, which only Verify asks for.
func newSyncPort(store cqrs.SyncStore, call caller) cqrs.SyncStore {
	port := syncPort{store: store, call: call}
	reader, reads := store.(cqrs.SyncReader)
	claimer, claims := store.(cqrs.SyncClaimer)
	switch {
	case reads && claims:
		return claimPort{readPort{port, reader}, claimer}
	case reads:
		return readPort{port, reader}
	default:
		return port
	}
}
