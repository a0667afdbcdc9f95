package cqrs

import (
	"context"
	"errors"
	"fmt"
)

// syncVersion is one version of an aggregate on its way to the targets, as a
// command, as a row, or as both; what is missing is made of the other when it is
// first needed.
type syncVersion[A any] struct {
	meta   Command[Image]  // everything but the attributes
	stored *Command[Image] // as it is kept: not upcast, attributes perhaps elsewhere
	cmd    *Command[A]
	hash   string // empty where the attributes could not be fetched
	err    error  // why there is no cmd
}

// prepare checks what must hold before a gate can be asked.
func (s *DataSync[A]) prepare(ctx context.Context, v *syncVersion[A]) error {
	m := &v.meta
	if m.PK == "" || m.SK == "" {
		return Permanent(errors.New("cqrs: a command without a key cannot be synced"))
	}
	if m.Version < 1 {
		return Permanent(fmt.Errorf("cqrs: command %s %s has no version", m.PK, m.SK))
	}
	if _, tenant, ok := m.CutTenant(); ok && m.TenantCode != "" && m.TenantCode != tenant {
		return Permanent(describe(ErrForeignTenant, "cqrs: command %s %s is one of tenant %q: its key is another tenant's",
			m.PK, m.SK, m.TenantCode))
	}
	if v.stored == nil {
		var err error
		v.hash, err = ContentHash(*v.cmd)
		return err
	}
	resolved, err := s.resolve(ctx, *v.stored)
	if err != nil {
		// Targets that take rows do without; the others count it as their failure.
		v.err = fmt.Errorf("cqrs: fetch the attributes of %s %s: %w", m.PK, m.SK, err)
		return nil
	}
	if v.hash, err = ContentHash(resolved); err != nil {
		return err
	}
	upcast, err := s.options.schema.Upcast(resolved)
	if err == nil {
		var cmd Command[A]
		cmd, err = CommandOf[A](upcast)
		v.cmd = &cmd
	}
	v.err = err
	return nil
}

// resolve fetches attributes that are kept elsewhere.
func (s *DataSync[A]) resolve(ctx context.Context, row Command[Image]) (Command[Image], error) {
	if _, offloaded := Offloaded(row); !offloaded {
		return row, nil
	}
	if source := s.commandSource(); source != nil {
		if resolver, ok := source.(AttributeResolver); ok {
			return resolver.Resolve(ctx, row)
		}
	}
	return row, nil
}

// AttributeResolver is what a [CommandSource] is besides where attributes may be
// kept elsewhere.
type AttributeResolver interface {
	// Resolve returns the row with its attributes in it.
	Resolve(ctx context.Context, row Command[Image]) (Command[Image], error)
}

func (s *DataSync[A]) commandSource() CommandSource {
	if s.options.source != nil {
		return s.options.source
	}
	if source := s.source.Load(); source != nil {
		return *source
	}
	return s.reader
}

// row returns the version as it is stored.
func (v *syncVersion[A]) row() (Command[Image], error) {
	if v.stored != nil {
		return *v.stored, nil
	}
	return RowOf(*v.cmd)
}

func (v *syncVersion[A]) progress() Progress {
	return Progress{Version: v.meta.Version, Hash: v.hash, Deleted: v.meta.Deleted}
}

func (v *syncVersion[A]) key(table, target string) SyncKey {
	tenant := v.meta.TenantCode
	if tenant == "" {
		_, tenant, _ = v.meta.CutTenant()
	}
	return SyncKey{Table: table, Target: target, Tenant: tenant, Key: v.meta.Key}
}
