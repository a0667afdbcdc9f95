package command

import (
	"context"
	"fmt"

	"github.com/lambda-cqrs/cqrs"
)

type tenantKey struct{}

// WithTenant confines everything that a [Service] does with the context to one
// tenant: keys of others are refused with cqrs.ErrForeignTenant. The tenant is to
// come from whoever was authenticated, or from the queue that a message came
// from, never from the message itself.
func WithTenant(ctx context.Context, tenant string) context.Context {
	return context.WithValue(ctx, tenantKey{}, tenant)
}

// TenantFrom returns the tenant that the context is confined to.
func TenantFrom(ctx context.Context) (tenant string, ok bool) {
	tenant, ok = ctx.Value(tenantKey{}).(string)
	return tenant, ok
}

// admit checks the key, and whose it is. The tenant code is filled in from the
// key.
func (s *Service[A]) admit(ctx context.Context, key *cqrs.Key, tenantCode *string) error {
	if err := CheckKey(*key); err != nil {
		return err
	}
	_, tenant, _ := key.CutTenant()
	if *tenantCode != "" && *tenantCode != tenant {
		return foreign("the tenant code is not that of the key")
	}
	return s.confine(ctx, tenant)
}

// confine refuses what belongs to another tenant than the context's or the
// actor's.
func (s *Service[A]) confine(ctx context.Context, tenant string) error {
	if own, ok := TenantFrom(ctx); ok && own != tenant {
		return foreign("the context is confined to another tenant")
	}
	if s.actor == nil {
		return nil
	}
	if own := s.actor(ctx).Tenant; own != "" && own != tenant {
		return foreign("the actor is of another tenant")
	}
	return nil
}

func foreign(why string) error {
	return cqrs.Permanent(fmt.Errorf("command: %s: %w", why, cqrs.ErrForeignTenant))
}
