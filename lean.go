package cqrs

import (
	"context"

	"github.com/aws/aws-lambda-go/events"

	"github.com/lambda-cqrs/cqrs/internal/lambdaevent"
)

// leanFactory is a factory of this package that makes events without
// aws-lambda-go's records, which cost more than all else that is done for a
// message. Its methods make what the EventFactory's would make, and append it to
// into.
type leanFactory interface {
	transformText(ctx context.Context, t textRecord, into []Event) ([]Event, error)
	transformItem(r *DynamoDBRecord, into []Event) ([]Event, error)
}

var (
	_ leanFactory = (*Mux)(nil)
	_ leanFactory = (*envelopes)(nil)
)

// leanOf returns the factory as a lean one where it is a mux or decorates one,
// and nil for any other. It goes by the type itself: a factory that embeds a mux
// has its methods too, but may override the exported ones.
func leanOf(f EventFactory) leanFactory {
	switch f := f.(type) {
	case *Mux:
		return f
	case *envelopes:
		if leanOf(f.EventFactory) != nil {
			return f
		}
	}
	return nil
}

// textRecord is a message of SQS, SNS or Kinesis.
type textRecord struct {
	source Source
	arn    string
	text   string // what the sender sent
	// raw is what aws-lambda-go's record can be made of, where a rule wants it: the
	// record's JSON or, enclosed, the notification in a queue's message.
	raw      string
	enclosed bool
}

func (m *Mux) transformText(_ context.Context, t textRecord, into []Event) ([]Event, error) {
	switch t.source {
	case SourceSQS:
		return m.transformSQS(t, nil, into)
	case SourceSNS:
		return m.transformSNS(t, nil, into)
	default:
		return m.transformKinesis(t, nil, into)
	}
}

func (m *Mux) transformSQS(t textRecord, r *events.SQSMessage, into []Event) ([]Event, error) {
	s := t.subject()
	return transform(m, &m.sqs, &made[events.SQSMessage]{record: r, raw: t.raw, decode: lambdaevent.DecodeSQS}, &s, into)
}

func (m *Mux) transformSNS(t textRecord, r *events.SNSEventRecord, into []Event) ([]Event, error) {
	s := t.subject()
	decode := lambdaevent.DecodeSNS
	if t.enclosed {
		decode = lambdaevent.DecodeNotification
	}
	return transform(m, &m.sns, &made[events.SNSEventRecord]{record: r, raw: t.raw, decode: decode}, &s, into)
}

func (m *Mux) transformKinesis(t textRecord, r *events.KinesisEventRecord, into []Event) ([]Event, error) {
	s := t.subject()
	s.name = afterSlash(s.name)
	return transform(m, &m.kinesis, &made[events.KinesisEventRecord]{record: r, raw: t.raw, decode: lambdaevent.DecodeKinesis}, &s, into)
}

func (t textRecord) subject() subject {
	return subject{source: t.source, name: lastPart(t.arn), arn: t.arn, text: t.text}
}

func (m *Mux) transformItem(r *DynamoDBRecord, into []Event) ([]Event, error) {
	s := subject{source: SourceDynamoDB, name: r.Table(), arn: r.EventSourceARN, eventName: r.EventName, item: r}
	return transform(m, &m.dynamoDB, &made[DynamoDBRecord]{record: r}, &s, into)
}

// transformRecord goes the way of any other factory, by way of aws-lambda-go's
// record.
func transformRecord(ctx context.Context, f EventFactory, t textRecord) ([]Event, error) {
	if t.source == SourceSQS {
		record := &events.SQSMessage{}
		if err := lambdaevent.DecodeSQS(t.raw, record); err != nil {
			return nil, decodeError(err)
		}
		return f.TransformSQS(ctx, record)
	}
	record := &events.SNSEventRecord{}
	decode := lambdaevent.DecodeSNS
	if t.enclosed {
		decode = lambdaevent.DecodeNotification
	}
	if err := decode(t.raw, record); err != nil {
		return nil, decodeError(err)
	}
	return f.TransformSNS(ctx, record)
}
