package lambdaevent

import (
	"math"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// DynamoDBRecord is a record of a DynamoDB stream.
type DynamoDBRecord struct {
	EventID, EventName, EventSource, EventSourceARN string
	AWSRegion, EventVersion                         string
	SequenceNumber, StreamViewType                  string

	ApproximateCreationTime time.Time
	SizeBytes               int64
	UserIdentity            *events.DynamoDBUserIdentity

	// Keys, NewImage and OldImage are the JSON texts of attribute maps, valid JSON
	// but not checked otherwise; "" where absent.
	Keys, NewImage, OldImage string
}

// DecodeDynamoDB reads a record of a DynamoDB stream. One without "dynamodb" is
// an error.
func DecodeDynamoDB(raw string, record *DynamoDBRecord) error {
	r := newReader(raw)
	r.dynamoDB(record)
	return r.end()
}

func (r *reader) dynamoDB(record *DynamoDBRecord) {
	*record = DynamoDBRecord{}
	found := false
	r.object(func(name string) {
		switch name {
		case "eventID":
			r.text(&record.EventID)
		case "eventName":
			r.text(&record.EventName)
		case "eventVersion":
			r.text(&record.EventVersion)
		case "awsRegion":
			r.text(&record.AWSRegion)
		case "eventSource":
			r.text(&record.EventSource)
		case "eventSourceARN":
			r.text(&record.EventSourceARN)
		case "userIdentity":
			r.userIdentity(&record.UserIdentity)
		case "dynamodb":
			found = r.streamRecord(record)
		default:
			r.unknown(name)
		}
	})
	r.require(found, "dynamodb")
}

func (r *reader) streamRecord(to *DynamoDBRecord) bool {
	return r.object(func(name string) {
		switch name {
		case "ApproximateCreationDateTime":
			r.creation(&to.ApproximateCreationTime)
		case "Keys":
			r.attributeMap(&to.Keys)
		case "NewImage", "OldImage":
			r.image(name, to)
		case "SequenceNumber":
			r.text(&to.SequenceNumber)
		case "SizeBytes":
			r.integer(&to.SizeBytes)
		case "StreamViewType":
			r.text(&to.StreamViewType)
		default:
			r.Skip()
		}
	})
}

// ImageReader reads images in passing, so that nobody has to go over them again.
type ImageReader interface {
	// ReadImage is called where the scanner stands at a NewImage or OldImage, with
	// the event name and the keys as far as they stand in front of it. It reads
	// exactly this value and returns the scanner behind it; where it does anything
	// else it returns false.
	ReadImage(member, eventName, keys string, s scan.Scanner) (scan.Scanner, bool)
}

func (r *reader) image(name string, record *DynamoDBRecord) {
	to := &record.NewImage
	if name == "OldImage" {
		to = &record.OldImage
	}
	if r.images != nil && r.Kind() == scan.Object {
		start := r.Pos()
		if behind, ok := r.images.ReadImage(name, record.EventName, record.Keys, r.Scanner); ok && behind.Err() == nil {
			r.Scanner = behind
			*to = r.input[start:r.Pos()]
			return
		}
	}
	r.attributeMap(to)
}

func (r *reader) attributeMap(to *string) {
	if kind := r.Kind(); kind == scan.Object || kind == scan.Null {
		r.raw(to)
		return
	}
	r.is(scan.Object)
}

func (r *reader) userIdentity(to **events.DynamoDBUserIdentity) {
	var identity events.DynamoDBUserIdentity
	if r.object(func(name string) {
		switch name {
		case "type":
			r.text(&identity.Type)
		case "principalId":
			r.text(&identity.PrincipalID)
		default:
			r.Skip()
		}
	}) {
		*to = &identity
	}
}

// The least numbers that cannot be seconds, milliseconds and microseconds since
// 1970, because that would be a year after 5000. As the next smaller unit each of
// them is in 1973, before any record that there is.
const (
	maxSeconds      = 1e11
	maxMilliseconds = 1e14
	maxEpoch        = 1e17
)

// creation reads an epoch time, which DynamoDB Streams sends in seconds, and a
// Kinesis stream of a table's changes in milliseconds or microseconds.
func (r *reader) creation(to *time.Time) {
	number, ok := r.float()
	if !ok {
		return
	}
	switch size := math.Abs(number); {
	case size < maxSeconds:
		number *= 1e6
	case size < maxMilliseconds:
		number *= 1e3
	}
	*to = time.UnixMicro(int64(math.Round(number))).UTC()
}
