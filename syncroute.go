package cqrs

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
)

// RegisterDataSync takes the records of the sync's table out of the dispatcher's
// hands: they go to the sync, and not through the factory. The registry's and its
// groups' middleware applies, and of the policy retry and timeout; idempotency is
// what the gates are for. A dispatcher all of whose work is data sync needs no
// Config.Factory. It panics for a table that is registered already.
//
// Inserted and modified rows go to the targets. That a row is removed, by its
// time to live or by hand, is housekeeping and no deletion of the aggregate: a
// deletion is a version like any other. The stream needs new images; of a
// KEYS_ONLY one the rows are read from the source.
func RegisterDataSync[A any](r *Registry, s *DataSync[A]) {
	switch {
	case r == nil:
		panic("cqrs: RegisterDataSync needs a registry; make one with NewRegistry")
	case s == nil:
		panic("cqrs: RegisterDataSync needs a DataSync; make one with NewDataSync")
	}
	r.book.add(&route{
		name:  "sync." + s.table,
		table: s.table,
		event: reflect.TypeFor[*DynamoDBRecord](),
		mw:    r.mw,
		handle: func(ctx context.Context, d *Delivery) (any, error) {
			record, ok := d.Event.(*DynamoDBRecord)
			if !ok {
				return nil, fmt.Errorf("cqrs: route %s takes a stream record, but a middleware passed on %T", d.Route, d.Event)
			}
			return nil, s.stream(ctx, record)
		},
	})
}

// stream applies one record of the command table.
func (s *DataSync[A]) stream(ctx context.Context, r *DynamoDBRecord) error {
	if r.op() == Removed {
		return s.removed(ctx, r)
	}
	row, err := s.rowOf(ctx, r)
	if err != nil {
		return err
	}
	err = s.ApplyRow(ctx, row)
	if onlyDiverged(err) {
		return nil // marked, and the alarm was raised: no delivery of it can do more
	}
	return err
}

// rowOf decodes the command of a record. Its key must be that of a version.
func (s *DataSync[A]) rowOf(ctx context.Context, r *DynamoDBRecord) (Command[Image], error) {
	key, n, versioned := keyOf(r.Keys).CutVersion()
	if !versioned {
		err := errors.New("its sort key has no version: is this the stream of a command table?")
		return Command[Image]{}, &DecodeError{Stage: "command", Err: err}
	}
	if r.NewImage.IsZero() {
		source := s.commandSource()
		if source == nil {
			return Command[Image]{}, fmt.Errorf("%w of a command: let the stream have new images, or give the sync a source", ErrNoImage)
		}
		row, err := source.GetCommand(ctx, key, n)
		if errors.Is(err, ErrNotFound) {
			return Command[Image]{}, Permanent(err)
		}
		return row, err
	}
	row, err := DecodeRow(r.NewImage)
	if err == nil && (row.Key != key || row.Version != n) {
		err = &DecodeError{Stage: "command", Err: fmt.Errorf("its sort key has version %d, its attribute version %d", n, row.Version)}
	}
	return row, err
}

// AttributeCollector is what a [CommandSource] is besides where attributes are kept
// elsewhere and are to go with their command.
type AttributeCollector interface {
	// Collect removes the attributes of a command row that is gone, unless the
	// data or history still refers to them.
	Collect(ctx context.Context, row Command[Image]) error
}

// removed is housekeeping. What the row refers to goes with it, where the stream
// has old images.
func (s *DataSync[A]) removed(ctx context.Context, r *DynamoDBRecord) error {
	if collector, ok := s.commandSource().(AttributeCollector); ok && !r.OldImage.IsZero() {
		row, err := DecodeRow(r.OldImage)
		if err != nil {
			return err
		}
		if _, offloaded := Offloaded(row); offloaded {
			return collector.Collect(ctx, row)
		}
	}
	return Skip("a command row was removed")
}

// onlyDiverged reports whether all that failed is marked as diverged.
func onlyDiverged(err error) bool {
	if failed, ok := err.(*SyncError); ok { //nolint:errorlint // Apply returns it as it is, or joins it
		return isOne(failed.Err, ErrDiverged)
	}
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return false
	}
	for _, one := range joined.Unwrap() {
		if !onlyDiverged(one) {
			return false
		}
	}
	return true
}

// syncRecord returns the route of a record whose table has a data sync, nil for
// any other.
func (b *batch) syncRecord(i int) (*compiledRoute, *DynamoDBRecord) {
	if len(b.d.syncs) == 0 || b.source != SourceDynamoDB {
		return nil, nil
	}
	route := b.d.syncs[tableOf(b.messages[i].ARN)]
	records, ok := b.records.(*dynamoDBRecords)
	if route == nil || !ok {
		return nil, nil
	}
	return route, &records.all[i].DynamoDBRecord
}

// syncTo runs the record through the data sync's route.
func (b *batch) syncTo(ctx context.Context, route *compiledRoute, record *DynamoDBRecord, i int) []deliveryFailure {
	b.results[i].events = 1
	env := syncEnvironment{logger: b.d.logger}
	if b.d.alarm != nil {
		env.alarmer = b.d.alarm.port
	}
	ctx = context.WithValue(ctx, syncEnvKey{}, env)
	_, err := b.deliver(ctx, route, record, 0, i)
	switch verdict, _ := judge(err); verdict {
	case verdictDone:
		return nil
	case verdictSkip:
		b.results[i].skipped++
		return nil
	default:
		return []deliveryFailure{{route: route.name, err: err}}
	}
}

// onlySyncs reports whether data sync is all that the dispatcher is for: then it
// needs no factory.
func (cfg *Config) onlySyncs() bool {
	return isNil(cfg.Factory) && cfg.Registry != nil && cfg.Registry.book != nil && cfg.Registry.book.hasSync()
}

func (b *routeBook) hasSync() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.routes, func(r *route) bool { return r.table != "" })
}
