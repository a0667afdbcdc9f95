package cqrs

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/lambda-cqrs/cqrs/internal/image"
	"github.com/lambda-cqrs/cqrs/internal/lambdaevent"
)

// DynamoDBRecord is one record of a DynamoDB stream. It takes the place of
// aws-lambda-go's, whose attribute values lose large numbers and panic on
// malformed input.
type DynamoDBRecord struct {
	EventID, EventName, EventSourceARN, AWSRegion, EventVersion string
	SequenceNumber, StreamViewType                              string

	ApproximateCreationTime time.Time
	SizeBytes               int64
	UserIdentity            *events.DynamoDBUserIdentity

	// Keys is always there; the images depend on the stream's view type, and an
	// insert has no old one, a removal no new one.
	Keys, NewImage, OldImage Image
}

func fillDynamoDBRecord(to *DynamoDBRecord, r *lambdaevent.DynamoDBRecord) {
	*to = DynamoDBRecord{
		EventID:                 r.EventID,
		EventName:               r.EventName,
		EventSourceARN:          r.EventSourceARN,
		AWSRegion:               r.AWSRegion,
		EventVersion:            r.EventVersion,
		SequenceNumber:          r.SequenceNumber,
		StreamViewType:          r.StreamViewType,
		ApproximateCreationTime: r.ApproximateCreationTime,
		SizeBytes:               r.SizeBytes,
		UserIdentity:            r.UserIdentity,
		Keys:                    Image{text: r.Keys},
		NewImage:                Image{text: r.NewImage},
		OldImage:                Image{text: r.OldImage},
	}
}

// Table returns the name of the table, from the ARN of its stream.
func (r *DynamoDBRecord) Table() string { return tableOf(r.EventSourceARN) }

func tableOf(streamARN string) string {
	_, rest, _ := strings.Cut(streamARN, ":table/")
	table, _, _ := strings.Cut(rest, "/")
	return table
}

// ExpiredByTTL reports whether DynamoDB removed the item because its time to
// live had passed. In the other Regions of a global table such a removal
// cannot be told from any other.
func (r *DynamoDBRecord) ExpiredByTTL() bool {
	return r.EventName == "REMOVE" && r.UserIdentity != nil &&
		r.UserIdentity.Type == "Service" && r.UserIdentity.PrincipalID == "dynamodb.amazonaws.com"
}

// AWS returns the record as aws-lambda-go has it, for code that takes that
// type. Malformed images are an error; numbers stay text.
func (r *DynamoDBRecord) AWS() (events.DynamoDBEventRecord, error) {
	record := events.DynamoDBEventRecord{
		AWSRegion:      r.AWSRegion,
		EventID:        r.EventID,
		EventName:      r.EventName,
		EventSource:    string(SourceDynamoDB),
		EventVersion:   r.EventVersion,
		EventSourceArn: r.EventSourceARN,
		UserIdentity:   r.UserIdentity,
		Change: events.DynamoDBStreamRecord{
			ApproximateCreationDateTime: events.SecondsEpochTime{Time: r.ApproximateCreationTime},
			SequenceNumber:              r.SequenceNumber,
			SizeBytes:                   r.SizeBytes,
			StreamViewType:              r.StreamViewType,
		},
	}
	for _, part := range []struct {
		name string
		from Image
		to   *map[string]events.DynamoDBAttributeValue
	}{
		{"Keys", r.Keys, &record.Change.Keys},
		{"NewImage", r.NewImage, &record.Change.NewImage},
		{"OldImage", r.OldImage, &record.Change.OldImage},
	} {
		if part.from.IsZero() {
			continue
		}
		// aws-lambda-go panics on some malformed images, so they are checked first.
		err := image.Check(part.from.text)
		if err == nil {
			err = json.Unmarshal([]byte(part.from.text), part.to)
		}
		if err != nil {
			return events.DynamoDBEventRecord{}, &DecodeError{Stage: "image " + part.name, Err: err}
		}
	}
	return record, nil
}

// Image is the undecoded state of an item, or of its keys, in DynamoDB's own
// JSON. It is immutable, may be kept, and the zero value stands for an image
// that the record does not carry.
type Image struct{ text string }

// NewImage encodes a struct or map by the rules of attributevalue.MarshalMap,
// with the tag `dynamodbav`, else `json`.
func NewImage(v any) (Image, error) {
	text, err := image.Marshal(v)
	if err != nil {
		return Image{}, fmt.Errorf("cqrs: encode %T as an image: %w", v, err)
	}
	return Image{text: text}, nil
}

// IsZero reports whether there is no image.
func (i Image) IsZero() bool { return i.text == "" }

// Unmarshal decodes the image into what v points to by the rules of
// attributevalue.UnmarshalMap, with the tag `dynamodbav`, else `json`. Numbers
// lose nothing: one that does not fit is an error, and in an any it is a
// json.Number. Without an image the error is [ErrNoImage]; a malformed image is
// a [*DecodeError].
func (i Image) Unmarshal(v any) error {
	if i.IsZero() {
		return fmt.Errorf("%w to decode into %T: the stream's view type leaves it out, or the operation has none", ErrNoImage, v)
	}
	if err := image.Unmarshal(i.text, v); err != nil {
		return &DecodeError{Stage: "image", Err: err}
	}
	return nil
}

// Text returns the top-level string attribute of that name, or "".
func (i Image) Text(name string) string {
	if i.IsZero() {
		return ""
	}
	return image.Text(i.text, name)
}

// Raw returns the image in DynamoDB's JSON, nil where there is none. The
// caller owns the copy.
func (i Image) Raw() json.RawMessage { return rawJSON(i.text) }

// MarshalJSON is Raw, and null where there is no image.
func (i Image) MarshalJSON() ([]byte, error) {
	if i.IsZero() {
		return []byte("null"), nil
	}
	return []byte(i.text), nil
}

// UnmarshalJSON takes what MarshalJSON gives.
func (i *Image) UnmarshalJSON(text []byte) error {
	if string(text) == "null" {
		*i = Image{}
		return nil
	}
	if err := image.Check(string(text)); err != nil {
		return &DecodeError{Stage: "image", Err: err}
	}
	i.text = string(text)
	return nil
}

// Key is the primary key of an item.
type Key struct {
	PK string `json:"pk"`
	SK string `json:"sk"`
}

// ChangeOp is what happened to an item: one of the three, or, where operations
// are selected, several of them joined by |.
type ChangeOp uint8

// The operations of a stream.
const (
	Inserted ChangeOp = 1 << iota
	Modified
	Removed
)

// String joins the operations by |, in DynamoDB's spelling.
func (op ChangeOp) String() string {
	var names []string
	for _, known := range []struct {
		op   ChangeOp
		name string
	}{{Inserted, "INSERT"}, {Modified, "MODIFY"}, {Removed, "REMOVE"}} {
		if op&known.op != 0 {
			names = append(names, known.name)
		}
	}
	return strings.Join(names, "|")
}

// Change is a change of one item. Old is nil for an insert, New for a removal,
// and either where the stream's view type leaves it out.
type Change[T any] struct {
	Op       ChangeOp
	Key      Key // of attributes named pk and sk (or PK and SK), else the only key attribute as PK
	Old, New *T
}

func (r *DynamoDBRecord) op() ChangeOp {
	switch r.EventName {
	case "INSERT":
		return Inserted
	case "MODIFY":
		return Modified
	case "REMOVE":
		return Removed
	default:
		return 0
	}
}

// image is the newest state that the record tells of.
func (r *DynamoDBRecord) image() Image {
	if r.op() != Removed {
		return r.NewImage
	}
	if !r.OldImage.IsZero() {
		return r.OldImage
	}
	return r.Keys
}

func newChange[T any](r *DynamoDBRecord) (Change[T], error) {
	change := Change[T]{Op: r.op(), Key: keyOf(r.Keys)}
	var missing error
	for _, part := range []struct {
		from Image
		to   **T
	}{{r.OldImage, &change.Old}, {r.NewImage, &change.New}} {
		item := new(T)
		switch err := part.from.Unmarshal(item); {
		case err == nil:
			*part.to = item
		case errors.Is(err, ErrNoImage):
			missing = err
		default:
			return Change[T]{}, err
		}
	}
	if change.Old == nil && change.New == nil && change.Op != Removed {
		return Change[T]{}, missing
	}
	return change, nil
}

func keyOf(keys Image) Key {
	if keys.IsZero() {
		return Key{}
	}
	key := Key{PK: scalar(keys, "pk", "PK"), SK: scalar(keys, "sk", "SK")}
	if key != (Key{}) {
		return key
	}
	var all map[string]any
	if image.Unmarshal(keys.text, &all) == nil && len(all) == 1 {
		for name := range all {
			key.PK = scalar(keys, name)
		}
	}
	return key
}

// scalar returns the first of the named string, number or binary attributes.
func scalar(i Image, names ...string) string {
	for _, name := range names {
		if value, ok := image.Scalar(i.text, name); ok {
			return value
		}
	}
	return ""
}
