package command

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"time"

	"github.com/lambda-cqrs/cqrs"
)

// Config is what a [Service] is made of. Store is required.
type Config[A any] struct {
	Store Store
	// Sync takes what PublishSync has committed to the read models, and is what
	// Rebuild, Verify and Repair work on. It gets the store as its source.
	Sync *cqrs.DataSync[A]
	// Blobs takes attributes over Limit; without it they are refused where they do
	// not fit an item (cqrs.ErrTooLarge).
	Blobs Blobs
	// Limit is the size in bytes of attributes that stay in their row; default
	// 100 KiB. Each version is kept in up to three tables.
	Limit int
	// Actor says who publishes. Without it the command's own fields are kept.
	Actor func(context.Context) Actor
	// Schema is that of A: it is noted in what is published, and older attributes
	// are brought up to it. Give the Sync the same one.
	Schema cqrs.Schema
	// Grace keeps versions younger than that out of Verify; default 0.
	Grace time.Duration
}

// Actor is who publishes a command.
type Actor struct {
	ID     string // for createdBy and updatedBy
	IP     string // for createdIp and updatedIp
	Tenant string // if it is set, keys of other tenants are refused
}

// Service publishes and reads the commands of one kind of aggregate. It is safe
// for parallel use.
type Service[A any] struct {
	store  Store
	source *source
	sync   *cqrs.DataSync[A]
	actor  func(context.Context) Actor
	limit  int
	schema cqrs.Schema
	grace  time.Duration
	known  *facts
}

const defaultLimit = 100 << 10

// New makes a service. It panics without a store.
func New[A any](cfg Config[A]) *Service[A] {
	if cfg.Store == nil {
		panic("command: New needs Config.Store, such as NewMemory()")
	}
	s := &Service[A]{
		store: cfg.Store, source: &source{Store: cfg.Store, blobs: cfg.Blobs}, sync: cfg.Sync,
		actor: cfg.Actor, limit: cfg.Limit, schema: cfg.Schema, grace: cfg.Grace, known: newFacts(),
	}
	if s.limit == 0 {
		s.limit = defaultLimit
	}
	if s.sync != nil {
		s.sync.UseSource(s.source)
	}
	return s
}

// Publish appends a version. Its Version is the one that the caller has read:
// 0 creates the aggregate, n publishes n+1, and [Latest] publishes what follows
// the newest one, whatever that is. Where somebody else has published it already,
// the error is a *cqrs.VersionConflict; our own version, met again after an answer
// was lost or when the caller repeats itself with the same RequestID, is success.
// A version that says what the one before says is not written: the one before is
// returned.
//
// It returns the command as it was published, with its Version, times and actor.
// The read models follow by way of the stream.
//
// It costs one request. That the version before exists, and what it says, the
// service often knows: it read or published it itself. Otherwise it costs a read
// more.
func (s *Service[A]) Publish(ctx context.Context, c cqrs.Command[A]) (cqrs.Command[A], error) {
	published, _, err := s.publish(ctx, c, s.store.Append)
	return published, err
}

// PublishSync is Publish, but that command, data and history are written in one
// transaction, and then the targets of Config.Sync. If targets fail, the command
// is published all the same, and returned with an error that joins a
// *cqrs.SyncError for each of them; the stream tries them again. Publishing it
// once more with the same RequestID does so too.
func (s *Service[A]) PublishSync(ctx context.Context, c cqrs.Command[A]) (cqrs.Command[A], error) {
	published, row, err := s.publish(ctx, c, s.store.Commit)
	if err != nil || row == nil {
		return published, err
	}
	return published, s.project(ctx, *row)
}

// project takes a committed row to the targets other than its own data.
func (s *Service[A]) project(ctx context.Context, row Row) error {
	if s.sync == nil {
		return nil
	}
	var targets []string
	for _, name := range s.sync.Targets() {
		if p, ok := s.sync.Handler(name).(*projection[A]); !ok || p.Store != s.store {
			targets = append(targets, name)
		}
	}
	if len(targets) == 0 {
		return nil
	}
	return s.sync.ApplyRow(ctx, row, targets...)
}

// publish resolves the version that the caller has read and writes the next one.
// The row is nil where nothing had to be written.
func (s *Service[A]) publish(ctx context.Context, c cqrs.Command[A], write writeFunc) (cqrs.Command[A], *Row, error) {
	if err := s.admit(ctx, &c.Key, &c.TenantCode); err != nil {
		return cqrs.Command[A]{}, nil, err
	}
	attributes, err := cqrs.RowOf(c)
	if err != nil {
		return cqrs.Command[A]{}, nil, err
	}
	if c.Version != Latest {
		before, err := s.before(ctx, c.Key, c.Version)
		if err != nil {
			return cqrs.Command[A]{}, nil, err
		}
		return s.next(ctx, before, c, attributes.Attributes, write)
	}
	for range maxRounds {
		before, err := s.newest(ctx, c.Key)
		if err != nil && !errors.Is(err, cqrs.ErrNotFound) {
			return cqrs.Command[A]{}, nil, err
		}
		c.Version = before.row.Version
		published, row, err := s.next(ctx, before, c, attributes.Attributes, write)
		if !errors.Is(err, cqrs.ErrVersionConflict) {
			return published, row, err
		}
		if err := pause(ctx); err != nil {
			return cqrs.Command[A]{}, nil, err
		}
	}
	return cqrs.Command[A]{}, nil, outrun(c.Key)
}

// outrun is the error where somebody else was faster in every round.
func outrun(k cqrs.Key) error {
	return fmt.Errorf("command: others published %s %s in each of %d rounds: %w", k.PK, k.SK, maxRounds, cqrs.ErrVersionConflict)
}

type writeFunc func(ctx context.Context, row Row) error

// maxRounds is how often a version is read again after somebody else was faster.
const maxRounds = 10

// next writes the version that follows before.
func (s *Service[A]) next(
	ctx context.Context, before fact, c cqrs.Command[A], attributes cqrs.Image, write writeFunc,
) (cqrs.Command[A], *Row, error) {
	none := cqrs.Command[A]{}
	s.stamp(ctx, before.row, &c)
	row, err := cqrs.RowOf(c)
	if err != nil {
		return none, nil, err
	}
	row.Attributes = attributes
	hash, err := cqrs.ContentHash(row)
	if err != nil {
		return none, nil, err
	}
	if before.row.Version > 0 && hash == before.hash && s.sameExpiry(row, before.row) {
		return restore(before.row, c), nil, nil
	}
	if row.TTL, err = s.expiry(ctx, row, before.row); err != nil {
		return none, nil, err
	}
	c.TTL = row.TTL
	stored, err := s.offload(ctx, row)
	if err != nil {
		return none, nil, err
	}
	if err := write(ctx, stored); err != nil {
		if errors.Is(err, cqrs.ErrVersionConflict) {
			s.discard(ctx, stored)
		}
		return none, nil, err
	}
	s.known.add(row, hash)
	return c, &row, nil
}

// stamp fills in what the service knows better than the caller.
func (s *Service[A]) stamp(ctx context.Context, before Row, c *cqrs.Command[A]) {
	kind, tenant, _ := c.CutTenant()
	c.Version = before.Version + 1
	c.TenantCode = tenant
	if c.Type == "" {
		c.Type = kind
	}
	if c.ID == "" {
		c.ID = c.PK + "#" + c.SK
	}
	if c.RequestID == "" || c.RequestID == before.RequestID {
		// It was read with the version before: two writers may have it in common.
		c.RequestID = rand.Text()
	}
	if s.schema.Version > 0 {
		c.Schema = s.schema.Version
	}
	c.TTL = c.TTL.UTC().Truncate(time.Second)
	now := time.Now().UTC().Truncate(time.Millisecond)
	if s.actor != nil {
		actor := s.actor(ctx)
		c.UpdatedBy, c.UpdatedIP = actor.ID, actor.IP
	}
	c.UpdatedAt = now
	if before.Version == 0 {
		c.CreatedAt = now
		if s.actor != nil || c.CreatedBy == "" {
			c.CreatedBy, c.CreatedIP = c.UpdatedBy, c.UpdatedIP
		}
		return
	}
	c.CreatedAt, c.CreatedBy, c.CreatedIP = before.CreatedAt, before.CreatedBy, before.CreatedIP
}

// restore is the command as it was before, with the attributes that c has.
func restore[A any](before Row, c cqrs.Command[A]) cqrs.Command[A] {
	c.Version, c.RequestID, c.Source, c.TTL, c.Schema = before.Version, before.RequestID, before.Source, before.TTL, before.Schema
	c.UpdatedAt, c.UpdatedBy, c.UpdatedIP = before.UpdatedAt, before.UpdatedBy, before.UpdatedIP
	return c
}

// Expirer is what a [Store] is besides where it knows how long rows are kept.
type Expirer interface {
	// Expires returns the end of a row's time to live, zero for none.
	Expires(ctx context.Context, row Row) (time.Time, error)
}

// sameExpiry reports whether the caller wants another time to live. Where the
// store knows it, none means that the store is to say.
func (s *Service[A]) sameExpiry(row, before Row) bool {
	_, known := s.store.(Expirer)
	return row.TTL.Equal(before.TTL) || known && row.TTL.IsZero()
}

// expiry is the caller's own time to live, else the store's. One that was only
// read with the version before is the store's to renew.
func (s *Service[A]) expiry(ctx context.Context, row, before Row) (time.Time, error) {
	expirer, ok := s.store.(Expirer)
	if !ok || !row.TTL.IsZero() && !row.TTL.Equal(before.TTL) {
		return row.TTL, nil
	}
	ttl, err := expirer.Expires(ctx, row)
	if err != nil || ttl.IsZero() {
		return row.TTL, err
	}
	return ttl, nil
}
