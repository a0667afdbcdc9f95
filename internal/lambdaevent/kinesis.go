package lambdaevent

import (
	"time"

	"github.com/aws/aws-lambda-go/events"
)

// DecodeKinesis reads a record of a Kinesis stream. One without data is an error.
func DecodeKinesis(raw string, record *events.KinesisEventRecord) error {
	r := newReader(raw)
	r.kinesis(record)
	return r.end()
}

func (r *reader) kinesis(record *events.KinesisEventRecord) {
	*record = events.KinesisEventRecord{}
	hasData := false
	r.object(func(name string) {
		switch name {
		case "awsRegion":
			r.text(&record.AwsRegion)
		case "eventID":
			r.text(&record.EventID)
		case "eventName":
			r.text(&record.EventName)
		case "eventSource":
			r.text(&record.EventSource)
		case "eventSourceARN":
			r.text(&record.EventSourceArn)
		case "eventVersion":
			r.text(&record.EventVersion)
		case "invokeIdentityArn":
			r.text(&record.InvokeIdentityArn)
		case "kinesis":
			hasData = r.kinesisRecord(&record.Kinesis)
		default:
			r.unknown(name)
		}
	})
	r.require(hasData, "kinesis.data")
}

func (r *reader) kinesisRecord(to *events.KinesisRecord) (hasData bool) {
	r.object(func(name string) {
		switch name {
		case "approximateArrivalTimestamp":
			r.arrival(&to.ApproximateArrivalTimestamp)
		case "data":
			hasData = r.bytes(&to.Data)
		case "encryptionType":
			r.text(&to.EncryptionType)
		case "partitionKey":
			r.text(&to.PartitionKey)
		case "sequenceNumber":
			r.text(&to.SequenceNumber)
		case "kinesisSchemaVersion":
			r.text(&to.KinesisSchemaVersion)
		default:
			r.Skip()
		}
	})
	return hasData
}

// arrival gives to the nanosecond what aws-lambda-go gives, which the type is
// of, although a float64 cannot hold the fraction exactly.
func (r *reader) arrival(to *events.SecondsEpochTime) {
	seconds, ok := r.float()
	if !ok {
		return
	}
	if seconds >= maxSeconds || seconds <= -maxSeconds {
		r.fail(errEpoch)
		return
	}
	whole := int64(seconds)
	to.Time = time.Unix(whole, int64((seconds-float64(whole))*1e9))
}
