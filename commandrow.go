package cqrs

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/lambda-cqrs/cqrs/internal/image"
	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// rowAttributes are the attributes of a row of the command, data and history
// tables, but for "attributes", which is kept as it is.
type rowAttributes struct {
	PK         string `dynamodbav:"pk"`
	SK         string `dynamodbav:"sk"`
	ID         string `dynamodbav:"id,omitempty"`
	Code       string `dynamodbav:"code,omitempty"`
	Name       string `dynamodbav:"name,omitempty"`
	TenantCode string `dynamodbav:"tenantCode,omitempty"`
	Type       string `dynamodbav:"type,omitempty"`
	Version    int64  `dynamodbav:"version"`
	Deleted    bool   `dynamodbav:"isDeleted,omitempty"`
	Seq        int64  `dynamodbav:"seq,omitempty"`
	TTL        int64  `dynamodbav:"ttl,omitempty"`
	Schema     int    `dynamodbav:"schemaVersion,omitempty"`
	Source     string `dynamodbav:"source,omitempty"`
	RequestID  string `dynamodbav:"requestId,omitempty"`
	CreatedAt  string `dynamodbav:"createdAt,omitempty"`
	UpdatedAt  string `dynamodbav:"updatedAt,omitempty"`
	CreatedBy  string `dynamodbav:"createdBy,omitempty"`
	UpdatedBy  string `dynamodbav:"updatedBy,omitempty"`
	CreatedIP  string `dynamodbav:"createdIp,omitempty"`
	UpdatedIP  string `dynamodbav:"updatedIp,omitempty"`
}

// rowTime is how times are written: of one width, so that they sort as text.
const rowTime = "2006-01-02T15:04:05.000Z07:00"

// attributesName is the attribute that holds a command's attributes.
const attributesName = "attributes"

// blobName marks attributes that are kept elsewhere (claim check): a reference
// under this name takes their place. No attribute may have it.
const blobName = "@blob"

// EncodeRow returns the item that a command is kept as, with the attribute names
// of the reference system. The sort key is the aggregate's; [Key.At] has the one
// of a version.
func EncodeRow(row Command[Image]) (Image, error) {
	item, err := NewImage(rowAttributes{
		PK: row.PK, SK: row.SK,
		ID: row.ID, Code: row.Code, Name: row.Name, TenantCode: row.TenantCode, Type: row.Type,
		Version: row.Version, Deleted: row.Deleted, Seq: row.Seq, TTL: unixSeconds(row.TTL), Schema: row.Schema,
		Source: row.Source, RequestID: row.RequestID,
		CreatedAt: formatRowTime(row.CreatedAt), UpdatedAt: formatRowTime(row.UpdatedAt),
		CreatedBy: row.CreatedBy, UpdatedBy: row.UpdatedBy, CreatedIP: row.CreatedIP, UpdatedIP: row.UpdatedIP,
	})
	if err != nil || row.Attributes.IsZero() {
		return item, err
	}
	text := strings.TrimSuffix(item.text, "}") + `,"` + attributesName + `":{"M":` + row.Attributes.text + `}}`
	return Image{text: text}, nil
}

// DecodeRow reads a row of the command, data or history table. Its Key is that
// of the aggregate: the version of the sort key is taken off. A row without a
// version, or with another one than its sort key has, is a [*DecodeError].
// Attributes that no command has, such as the reference system's status, are
// left out.
func DecodeRow(item Image) (Command[Image], error) {
	var a rowAttributes
	if err := item.Unmarshal(&a); err != nil {
		return Command[Image]{}, err
	}
	row := Command[Image]{
		Key: Key{PK: a.PK, SK: a.SK},
		ID:  a.ID, Code: a.Code, Name: a.Name, TenantCode: a.TenantCode, Type: a.Type,
		Version: a.Version, Deleted: a.Deleted, Seq: a.Seq, Schema: a.Schema,
		Source: a.Source, RequestID: a.RequestID,
		CreatedBy: a.CreatedBy, UpdatedBy: a.UpdatedBy, CreatedIP: a.CreatedIP, UpdatedIP: a.UpdatedIP,
	}
	if a.TTL != 0 {
		row.TTL = time.Unix(a.TTL, 0).UTC()
	}
	err := errors.Join(parseRowTime(a.CreatedAt, &row.CreatedAt), parseRowTime(a.UpdatedAt, &row.UpdatedAt))
	if err != nil {
		return Command[Image]{}, &DecodeError{Stage: "command", Err: err}
	}
	if key, version, ok := row.Key.CutVersion(); ok && (version == a.Version || a.Version == 0) {
		row.Key = key
	}
	if a.PK == "" || a.SK == "" || a.Version < 1 {
		return Command[Image]{}, &DecodeError{Stage: "command", Err: errors.New("a row needs pk, sk and a version of at least 1")}
	}
	row.Attributes, err = rowImage(item)
	return row, err
}

// rowImage returns the attributes of a row. The reference system keeps large
// ones in S3 and has their address in their place.
func rowImage(item Image) (Image, error) {
	all, err := members(item.text)
	if err != nil {
		return Image{}, err
	}
	tag, value, err := attribute(all[attributesName])
	switch {
	case err != nil:
		return Image{}, err
	case tag == "M":
		return Image{text: value}, nil
	case tag == "S":
		return Image{text: `{"` + blobName + `":{"M":{"uri":{"S":` + value + `}}}}`}, nil
	case tag == "" || tag == "NULL":
		return Image{}, nil
	default:
		return Image{}, &DecodeError{Stage: "command", Err: fmt.Errorf("attributes of the type %s, not M", tag)}
	}
}

// Offloaded returns the reference that stands in the place of attributes which
// are kept elsewhere. It reports false where the row has its attributes itself.
func Offloaded(row Command[Image]) (reference Image, ok bool) {
	if row.Attributes.IsZero() || !strings.Contains(row.Attributes.text, blobName) {
		return Image{}, false
	}
	all, err := members(row.Attributes.text)
	if err != nil || len(all) != 1 {
		return Image{}, false
	}
	tag, value, err := attribute(all[blobName])
	return Image{text: value}, err == nil && tag == "M"
}

// Offload returns the row with a reference in the place of its attributes.
func Offload(row Command[Image], reference Image) Command[Image] {
	row.Attributes = Image{text: `{"` + blobName + `":{"M":` + reference.text + `}}`}
	return row
}

// RowOf encodes the attributes of a command.
func RowOf[A any](cmd Command[A]) (Command[Image], error) {
	switch attributes := any(cmd.Attributes).(type) {
	case Image:
		return withAttributes(cmd, attributes), nil
	case nil:
		return withAttributes(cmd, Image{}), nil
	}
	attributes, err := NewImage(cmd.Attributes)
	if err != nil {
		return Command[Image]{}, Permanent(err)
	}
	if all, err := members(attributes.text); err == nil && all[blobName] != "" {
		return Command[Image]{}, Permanent(fmt.Errorf("cqrs: no attribute may be named %q", blobName))
	}
	return withAttributes(cmd, attributes), nil
}

// CommandOf decodes the attributes of a row; where it has none, they are zero.
// Attributes that A does not know stay out.
func CommandOf[A any](row Command[Image]) (Command[A], error) {
	var attributes A
	if own, ok := any(&attributes).(*Image); ok {
		*own = row.Attributes
		return withAttributes(row, attributes), nil
	}
	if _, ok := Offloaded(row); ok {
		err := errors.New("its attributes are kept elsewhere and were not fetched: configure Blobs")
		return Command[A]{}, &DecodeError{Stage: "command", Err: err}
	}
	if !row.Attributes.IsZero() {
		if err := row.Attributes.Unmarshal(&attributes); err != nil {
			return Command[A]{}, err
		}
	}
	return withAttributes(row, attributes), nil
}

// withAttributes is the command with attributes of another type.
func withAttributes[A, B any](c Command[A], attributes B) Command[B] {
	return Command[B]{
		Key: c.Key,
		ID:  c.ID, Code: c.Code, Name: c.Name, TenantCode: c.TenantCode, Type: c.Type,
		Version: c.Version, Deleted: c.Deleted, Seq: c.Seq, TTL: c.TTL, Schema: c.Schema,
		Attributes: attributes,
		Source:     c.Source, RequestID: c.RequestID,
		CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
		CreatedBy: c.CreatedBy, UpdatedBy: c.UpdatedBy, CreatedIP: c.CreatedIP, UpdatedIP: c.UpdatedIP,
	}
}

// members returns the attributes of an item as they are written, by their names.
func members(text string) (map[string]string, error) {
	all := map[string]string{}
	if text == "" {
		return all, nil
	}
	s := scan.New(text)
	s.Object()
	for {
		name, ok := s.Field()
		if !ok {
			break
		}
		all[name] = s.Value()
	}
	if err := s.End(); err != nil {
		return nil, &DecodeError{Stage: "image", Err: err}
	}
	return all, nil
}

// attribute takes an attribute such as {"S":"x"} apart.
func attribute(text string) (tag, value string, err error) {
	all, err := members(text)
	for tag, value = range all {
		return tag, value, err
	}
	return "", "", err
}

func unixSeconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.Unix()
}

func formatRowTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(rowTime)
}

func parseRowTime(text string, to *time.Time) error {
	if text == "" {
		return nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return errors.New("a time that is not in RFC 3339")
	}
	*to = t.UTC()
	return nil
}

// MergeAttributes returns after, with those parts of raw that neither before nor
// after knows: attributes of a newer schema or another program survive a change
// by a type that does not have them. raw is what is stored, before what a type
// made of it, after the same with the change. What did not change stays as it is
// in raw, sets and numbers included.
func MergeAttributes(raw, before, after Image) (Image, error) {
	text, err := mergeMembers(raw.text, before.text, after.text)
	if err != nil {
		return Image{}, err
	}
	if err := image.Check(text); err != nil {
		return Image{}, &DecodeError{Stage: "image", Err: err}
	}
	return Image{text: text}, nil
}
