package cqrs

import "context"

// syncContext tells a handler which gate it was let through.
type syncContext struct {
	context.Context //nolint:containedctx // it is one

	key SyncKey
	to  Progress
}

type syncContextKey struct{}

// Value returns the context itself for its own key.
func (c *syncContext) Value(key any) any {
	if key == (syncContextKey{}) {
		return c
	}
	return c.Context.Value(key)
}

// SyncKeyFrom returns the gate that the handler of a target is called for: whose
// progress a [SelfGated] target has to keep. It reports false anywhere else.
func SyncKeyFrom(ctx context.Context) (SyncKey, bool) {
	c, ok := ctx.Value(syncContextKey{}).(*syncContext)
	if !ok {
		return SyncKey{}, false
	}
	return c.key, true
}

// SyncProgressFrom returns what the gate stands at once the handler is done: the
// version that it is given, and the hash of its content as it is stored, with
// attributes that the application's type does not know. That is what a target has
// to keep in order to be verified; ContentHash of the handler's command may be
// another. It reports false where [SyncKeyFrom] does.
func SyncProgressFrom(ctx context.Context) (Progress, bool) {
	c, ok := ctx.Value(syncContextKey{}).(*syncContext)
	if !ok {
		return Progress{}, false
	}
	return c.to, true
}
