package lambdaevent

import (
	"net/url"

	"github.com/aws/aws-lambda-go/events"
)

// DecodeS3 reads a record of an S3 event notification. URLDecodedKey is the
// object's key as S3 itself has it; in the record it is escaped as in an HTML
// form. A record without a key, or with one that cannot be decoded, is an error.
func DecodeS3(raw string, record *events.S3EventRecord) error {
	r := newReader(raw)
	r.s3(record, &Attributes{})
	return r.end()
}

func (r *reader) s3(record *events.S3EventRecord, a *Attributes) {
	*record, *a = events.S3EventRecord{}, Attributes{}
	hasKey := false
	r.object(func(name string) {
		switch name {
		case "eventVersion":
			r.text(&record.EventVersion)
		case "eventSource":
			r.text(&record.EventSource)
		case "awsRegion":
			r.text(&record.AWSRegion)
		case "eventTime":
			r.time(&record.EventTime)
		case "eventName":
			r.text(&record.EventName)
		case "userIdentity":
			r.only("principalId", &record.PrincipalID.PrincipalID)
		case "requestParameters":
			r.only("sourceIPAddress", &record.RequestParameters.SourceIPAddress)
		case "responseElements":
			r.texts(&record.ResponseElements, func(name, text string) {
				if name == "x-amz-request-id" {
					a.CorrelationID = text
				}
			})
		case "s3":
			hasKey = r.s3Entity(&record.S3)
		default:
			r.s3Detail(name, record)
		}
	})
	r.require(hasKey, "s3.object.key")
}

// only reads an object of which one member, a string, is wanted.
func (r *reader) only(want string, to *string) bool {
	return r.object(func(name string) {
		if name == want {
			r.text(to)
		} else {
			r.Skip()
		}
	})
}

func (r *reader) s3Entity(to *events.S3Entity) (hasKey bool) {
	r.object(func(name string) {
		switch name {
		case "s3SchemaVersion":
			r.text(&to.SchemaVersion)
		case "configurationId":
			r.text(&to.ConfigurationID)
		case "bucket":
			r.s3Bucket(&to.Bucket)
		case "object":
			hasKey = r.s3Object(&to.Object)
		default:
			r.Skip()
		}
	})
	return hasKey
}

func (r *reader) s3Bucket(to *events.S3Bucket) {
	r.object(func(name string) {
		switch name {
		case "name":
			r.text(&to.Name)
		case "ownerIdentity":
			r.only("principalId", &to.OwnerIdentity.PrincipalID)
		case "arn":
			r.text(&to.Arn)
		default:
			r.Skip()
		}
	})
}

func (r *reader) s3Object(to *events.S3Object) (hasKey bool) {
	r.object(func(name string) {
		switch name {
		case "key":
			hasKey = r.s3Key(to)
		case "size":
			r.integer(&to.Size)
		case "versionId":
			r.text(&to.VersionID)
		case "eTag":
			r.text(&to.ETag)
		case "sequencer":
			r.text(&to.Sequencer)
		default:
			r.Skip()
		}
	})
	return hasKey
}

// s3Key decodes the key once: a key may hold what looks like an escape.
func (r *reader) s3Key(to *events.S3Object) bool {
	if !r.text(&to.Key) {
		return false
	}
	key, err := url.QueryUnescape(to.Key)
	if err != nil {
		r.fail(errEscape)
		return true
	}
	to.URLDecodedKey = key
	return true
}

// s3Detail reads what only some kinds of events have.
func (r *reader) s3Detail(name string, record *events.S3EventRecord) {
	switch name {
	case "glacierEventData":
		var data events.S3GlacierEventData
		if r.inner("restoreEventData", func() { r.s3Restore(&data.RestoreEventData) }) {
			record.GlacierEventData = &data
		}
	case "restoreEventData":
		r.s3Restore(&record.RestoreEventData)
	case "replicationEventData":
		r.s3Replication(&record.ReplicationEventData)
	case "intelligentTieringEventData":
		var data events.S3IntelligentTieringEventData
		if r.only("destinationAccessTier", &data.DestinationAccessTier) {
			record.IntelligentTieringEventData = &data
		}
	case "lifecycleEventData":
		var data events.S3LifecycleEventData
		if r.inner("transitionEventData", func() { r.s3Transition(&data.TransitionEventData) }) {
			record.LifecycleEventData = &data
		}
	default:
		r.unknown(name)
	}
}

// inner reads an object of which one member is wanted.
func (r *reader) inner(want string, read func()) bool {
	return r.object(func(name string) {
		if name == want {
			read()
		} else {
			r.Skip()
		}
	})
}

func (r *reader) s3Restore(to **events.S3RestoreEventData) {
	var data events.S3RestoreEventData
	if r.object(func(name string) {
		switch name {
		case "lifecycleRestorationExpiryTime":
			r.time(&data.LifecycleRestorationExpiryTime)
		case "lifecycleRestoreStorageClass":
			r.text(&data.LifecycleRestoreStorageClass)
		default:
			r.Skip()
		}
	}) {
		*to = &data
	}
}

func (r *reader) s3Transition(to **events.S3TransitionEventData) {
	var data events.S3TransitionEventData
	if r.only("destinationStorageClass", &data.DestinationStorageClass) {
		*to = &data
	}
}

func (r *reader) s3Replication(to **events.S3ReplicationEventData) {
	var data events.S3ReplicationEventData
	if r.object(func(name string) {
		switch name {
		case "replicationRuleId":
			r.text(&data.ReplicationRuleID)
		case "destinationBucket":
			r.text(&data.DestinationBucket)
		case "s3Operation":
			r.text(&data.S3Operation)
		case "requestTime":
			r.time(&data.RequestTime)
		case "failureReason":
			r.text(&data.FailureReason)
		default:
			r.Skip()
		}
	}) {
		*to = &data
	}
}
