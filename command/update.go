package command

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/lambda-cqrs/cqrs"
)

// Update reads the newest version, lets f change it and publishes the result. If
// somebody else published meanwhile, it reads again and asks f again, up to ten
// times, so f may run more than once. An error of f about the newest version ends it;
// one about data that are behind does not count. A RequestID that f sets, and that
// the newest version has, says that it is done already. Attributes that A does not know
// survive. What f leaves as it was is not written.
//
// It costs a read and a write where nobody else writes and the data are up to
// date, and two reads where f fails or changes nothing.
func (s *Service[A]) Update(ctx context.Context, k cqrs.Key, f func(*cqrs.Command[A]) error) (cqrs.Command[A], error) {
	return s.revise(ctx, k, Latest, f)
}

// Delete publishes the deletion as a version like any other, which keeps the
// attributes. The version is the one that the caller has read, or [Latest].
func (s *Service[A]) Delete(ctx context.Context, k cqrs.Key, version int64) (cqrs.Command[A], error) {
	return s.revise(ctx, k, version, func(c *cqrs.Command[A]) error {
		c.Deleted = true
		return nil
	})
}

// Patch changes parts of a command.
type Patch struct {
	cqrs.Key

	// Version is the one that the caller has read; 0 and [Latest] stand for the
	// newest.
	Version int64
	// Attributes is a JSON Merge Patch (RFC 7396) to the JSON of the attributes:
	// objects merge, null removes, everything else replaces. Names that A does not
	// have are refused.
	Attributes json.RawMessage
	// Code and Name are changed where they are not nil.
	Code, Name *string
	Source     string
	RequestID  string
}

// PublishPartial publishes the version before with the patch applied to it.
// Attributes that A does not know survive.
func (s *Service[A]) PublishPartial(ctx context.Context, p Patch) (cqrs.Command[A], error) {
	if p.Version == 0 {
		p.Version = Latest
	}
	return s.revise(ctx, p.Key, p.Version, func(c *cqrs.Command[A]) error {
		c.Source, c.RequestID = p.Source, p.RequestID
		if p.Code != nil {
			c.Code = *p.Code
		}
		if p.Name != nil {
			c.Name = *p.Name
		}
		return patch(&c.Attributes, p.Attributes)
	})
}

// revise publishes what f makes of a version, and for Latest does so anew where
// somebody else was faster.
func (s *Service[A]) revise(ctx context.Context, k cqrs.Key, version int64, f func(*cqrs.Command[A]) error) (cqrs.Command[A], error) {
	none := cqrs.Command[A]{}
	if err := s.admit(ctx, &k, new(string)); err != nil {
		return none, err
	}
	if version != Latest {
		base, err := s.read(ctx, k, version)
		if err != nil {
			return none, err
		}
		published, _, err := s.change(ctx, base, f)
		if refused, ok := errors.AsType[*refusal](err); ok {
			err = refused.error
		}
		return published, err
	}
	base, err := s.base(ctx, k)
	for range maxRounds {
		if err != nil {
			return none, err
		}
		published, row, failed := s.change(ctx, base, f)
		if failed == nil && row != nil {
			return published, nil
		}
		var refused *refusal
		lost := errors.Is(failed, cqrs.ErrVersionConflict)
		if failed != nil && !lost && !errors.As(failed, &refused) {
			return none, failed
		}
		// That there is nothing to write, or that f refuses, is an answer only about the
		// newest version.
		newest, err2 := s.latest(ctx, k)
		if err2 == nil && !lost && newest.Version == base.Version {
			return published, refused.cause()
		}
		base, err = newest, err2
		if lost && err == nil {
			err = pause(ctx)
		}
	}
	return none, outrun(k)
}

// refusal is an error of the function that was to change a command.
type refusal struct{ error }

func (r *refusal) Unwrap() error { return r.error }

// cause is the function's own error, nil for none.
func (r *refusal) cause() error {
	if r == nil {
		return nil
	}
	return r.error
}

// base reads the data, which mostly are the newest version; where they are not,
// publishing from them conflicts.
func (s *Service[A]) base(ctx context.Context, k cqrs.Key) (Row, error) {
	row, err := s.store.Get(ctx, k)
	if errors.Is(err, cqrs.ErrNotFound) {
		return s.latest(ctx, k)
	}
	if err != nil {
		return Row{}, err
	}
	return s.source.Resolve(ctx, row)
}

// read reads one version with its attributes.
func (s *Service[A]) read(ctx context.Context, k cqrs.Key, version int64) (Row, error) {
	row, err := s.store.GetCommand(ctx, k, version)
	if errors.Is(err, cqrs.ErrNotFound) {
		row, err = s.store.Get(ctx, k)
		if err == nil && row.Version != version {
			return Row{}, &cqrs.VersionConflict{Key: k, Expected: version, Actual: row.Version}
		}
	}
	if err != nil {
		return Row{}, err
	}
	return s.source.Resolve(ctx, row)
}

// change publishes what f makes of base.
func (s *Service[A]) change(ctx context.Context, base Row, f func(*cqrs.Command[A]) error) (cqrs.Command[A], *Row, error) {
	none := cqrs.Command[A]{}
	known, err := s.learn(base)
	if err != nil {
		return none, nil, err
	}
	if base, err = s.schema.Upcast(base); err != nil {
		return none, nil, err
	}
	c, err := cqrs.CommandOf[A](base)
	if err != nil {
		return none, nil, err
	}
	before, err := cqrs.RowOf(c)
	if err != nil {
		return none, nil, err
	}
	c.RequestID = "" // what f sets is its own
	if err := f(&c); err != nil {
		return none, nil, &refusal{err}
	}
	if c.RequestID != "" && c.RequestID == base.RequestID {
		done, err := cqrs.CommandOf[A](base) // published by a call whose answer was lost
		return done, nil, err
	}
	if c.Key != base.Key {
		return none, nil, cqrs.Permanent(errors.New("command: a change cannot move an aggregate to another key"))
	}
	after, err := cqrs.RowOf(c)
	if err != nil {
		return none, nil, err
	}
	attributes, err := cqrs.MergeAttributes(base.Attributes, before.Attributes, after.Attributes)
	if err != nil {
		return none, nil, err
	}
	return s.next(ctx, known, c, attributes, s.store.Append)
}

// patch applies a JSON Merge Patch by way of the JSON of the attributes.
func patch[A any](attributes *A, text json.RawMessage) error {
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	if err := strictly(text, new(A)); err != nil {
		return cqrs.Permanent(fmt.Errorf("command: the patch does not fit the attributes: %w", err))
	}
	now, err := json.Marshal(attributes)
	if err != nil {
		return cqrs.Permanent(err)
	}
	merged, err := mergePatch(now, text)
	if err != nil {
		return cqrs.Permanent(err)
	}
	var patched A
	if err := json.Unmarshal(merged, &patched); err != nil {
		return cqrs.Permanent(fmt.Errorf("command: the patched attributes: %w", err))
	}
	*attributes = patched
	return nil
}

func strictly(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	return d.Decode(v)
}

// mergePatch is the algorithm of RFC 7396, section 2, on JSON texts, so that
// numbers stay as they are.
func mergePatch(target, change json.RawMessage) (json.RawMessage, error) {
	var changes map[string]json.RawMessage
	if err := json.Unmarshal(change, &changes); err != nil || changes == nil {
		return change, nil //nolint:nilerr // what is no object replaces
	}
	var merged map[string]json.RawMessage
	if err := json.Unmarshal(target, &merged); err != nil || merged == nil {
		merged = map[string]json.RawMessage{}
	}
	for name, value := range changes {
		if string(bytes.TrimSpace(value)) == "null" {
			delete(merged, name)
			continue
		}
		value, err := mergePatch(merged[name], value)
		if err != nil {
			return nil, err
		}
		merged[name] = value
	}
	return json.Marshal(merged)
}
