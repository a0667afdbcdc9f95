package cqrstest

import (
	"net/url"
	"strings"
	"time"

	"github.com/lambda-cqrs/cqrs"
)

// S3 is the event notification of a bucket, given by its name.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html
func S3(bucket string, objects ...Object) Payload {
	p := Payload{source: cqrs.SourceS3}
	sequence := newSequence(16)
	for _, o := range objects {
		p.records = append(p.records, o.record(bucket, sequence))
	}
	return p
}

// S3TestEvent is what a bucket sends once, when its notifications are
// configured. It has no records.
func S3TestEvent(bucket string) Payload {
	p := Raw(encode(record{
		"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": iso(time.Now()),
		"Bucket": bucket, "RequestId": strings.ToUpper(randomHex(8)), "HostId": randomHex(32),
	}))
	p.source = cqrs.SourceS3
	return p
}

// Object is one event of an object. Its methods return a changed copy.
type Object struct {
	key, event, version, sequencer, etag string
	size                                 int64
	at                                   time.Time
}

// Created is the event of a new object, by its key as S3 has it: the escapes of
// a notification are added here.
func Created(key string) Object { return Object{key: key, event: "ObjectCreated:Put", size: 1024} }

// Deleted is the event of a removed object.
func Deleted(key string) Object { return Object{key: key, event: "ObjectRemoved:Delete"} }

// Event is the name of another event, such as "ObjectCreated:Copy".
func (o Object) Event(name string) Object { o.event = name; return o }

// Size is the object's size in bytes; the default is 1024.
func (o Object) Size(bytes int64) Object { o.size = bytes; return o }

// Version is the version id in a bucket with versioning.
func (o Object) Version(id string) Object { o.version = id; return o }

// ETag is the entity tag; the default is a new one.
func (o Object) ETag(tag string) Object { o.etag = tag; return o }

// Sequencer orders the events of one key; the default rises within the payload.
func (o Object) Sequencer(hex string) Object { o.sequencer = hex; return o }

// At is when it happened; the default is now.
func (o Object) At(t time.Time) Object { o.at = t; return o }

func (o Object) record(bucket string, sequence *sequence) record {
	if o.at.IsZero() {
		o.at = time.Now()
	}
	if o.sequencer == "" {
		o.sequencer = sequence.hex()
	}
	object := record{
		"key":       strings.ReplaceAll(url.QueryEscape(o.key), "%2F", "/"),
		"sequencer": o.sequencer,
	}
	if !strings.HasPrefix(o.event, "ObjectRemoved:") {
		if o.etag == "" {
			o.etag = randomHex(16)
		}
		object["size"], object["eTag"] = o.size, o.etag
	}
	if o.version != "" {
		object["versionId"] = o.version
	}
	return record{
		"eventVersion":      "2.1",
		"eventSource":       string(cqrs.SourceS3),
		"awsRegion":         region,
		"eventTime":         iso(o.at),
		"eventName":         o.event,
		"userIdentity":      record{"principalId": "AWS:AIDAINPONIXQXHT3IKHL2"},
		"requestParameters": record{"sourceIPAddress": "205.255.255.255"},
		"responseElements":  record{"x-amz-request-id": strings.ToUpper(randomHex(8)), "x-amz-id-2": randomHex(32)},
		"s3": record{
			"s3SchemaVersion": "1.0",
			"configurationId": "events",
			"bucket": record{
				"name":          bucket,
				"ownerIdentity": record{"principalId": "A3NL1KOZZKExample"},
				"arn":           "arn:aws:s3:::" + bucket,
			},
			"object": object,
		},
	}
}
