package lambdaevent_test

import "strings"

// One record of each source, with every member that is read.
const (
	sqsRecord = `{"messageId":"m-1","receiptHandle":"AQEB","body":"{\"id\":\"1\",\"text\":\"\u00e9\\n\"}",` +
		`"attributes":{"ApproximateReceiveCount":"2","SentTimestamp":"1545082649183","SenderId":"AIDA","SequenceNumber":"188",` +
		`"MessageGroupId":"g","AWSTraceHeader":"Root=1-5759e988","DeadLetterQueueSourceArn":null},` +
		`"messageAttributes":{"correlation-id":{"stringValue":"c-1","stringListValues":["a",null],"binaryListValues":["AP8Q"],"dataType":"String"},` +
		`"digest":{"binaryValue":"AP8Q","stringListValues":[],"binaryListValues":[],"dataType":"Binary"}},` +
		`"md5OfBody":"e4e6","md5OfMessageAttributes":"00aa","eventSource":"aws:sqs","eventSourceARN":"arn:aws:sqs:eu-west-1:1:orders.fifo","awsRegion":"eu-west-1"}`

	snsRecord = `{"EventSource":"aws:sns","EventVersion":"1.0","EventSubscriptionArn":"arn:aws:sns:eu-west-1:1:orders:2bcf","Sns":` + notification + `}`

	notification = `{"Type":"Notification","MessageId":"n-1","TopicArn":"arn:aws:sns:eu-west-1:1:orders","Subject":"s","Message":"{\"id\":\"1\"}",` +
		`"Timestamp":"2026-11-01T12:30:00.123Z","SignatureVersion":"1","Signature":"EX","SigningCertUrl":"https://c","UnsubscribeUrl":"https://u",` +
		`"MessageAttributes":{"correlationId":{"Type":"String","Value":"c-1"},"n":{"Type":"Number","Value":12345678901234567890},"o":[true,{"a":null}]}}`

	dynamoDBRecord = `{"eventID":"e-1","eventName":"REMOVE","eventVersion":"1.1","eventSource":"aws:dynamodb","awsRegion":"eu-west-1",` +
		`"dynamodb":{"ApproximateCreationDateTime":1479499740.5,"Keys":{"pk":{"S":"ORDER#1"},"sk":{"N":"7"}},"NewImage":{"pk":{"S":"ORDER#1"}},` +
		`"OldImage":{"pk":{"S":"ORDER#1"},"l":{"L":[{"M":{}}]}},"SequenceNumber":"44215845000000000174504392","SizeBytes":545,"StreamViewType":"NEW_AND_OLD_IMAGES"},` +
		`"userIdentity":{"type":"Service","principalId":"dynamodb.amazonaws.com"},"eventSourceARN":"arn:aws:dynamodb:eu-west-1:1:table/orders/stream/2026"}`

	kinesisRecord = `{"kinesis":{"kinesisSchemaVersion":"1.0","partitionKey":"p","sequenceNumber":"49590338271490256608559692538361571095921575989136588898",` +
		`"data":"eyJpZCI6IjEifQ==","approximateArrivalTimestamp":1545084650.987,"encryptionType":"NONE"},"eventSource":"aws:kinesis","eventVersion":"1.0",` +
		`"eventID":"shardId-000000000006:495","eventName":"aws:kinesis:record","invokeIdentityArn":"arn:aws:iam::1:role/r","awsRegion":"eu-west-1",` +
		`"eventSourceARN":"arn:aws:kinesis:eu-west-1:1:stream/orders"}`

	s3Record = `{"eventVersion":"2.1","eventSource":"aws:s3","awsRegion":"eu-west-1","eventTime":"2026-11-01T12:30:00.000Z","eventName":"ObjectCreated:Put",` +
		`"userIdentity":{"principalId":"AIDA"},"requestParameters":{"sourceIPAddress":"192.0.2.1"},"responseElements":{"x-amz-request-id":"r-1","x-amz-id-2":"i"},` +
		`"s3":{"s3SchemaVersion":"1.0","configurationId":"c","bucket":{"name":"shop","ownerIdentity":{"principalId":"A3"},"arn":"arn:aws:s3:::shop"},` +
		`"object":{"key":"red+flower%2B%C3%A9.jpg","size":1024,"eTag":"d41d","versionId":"v1","sequencer":"0A1B2C"}},` +
		`"glacierEventData":{"restoreEventData":{"lifecycleRestorationExpiryTime":"2026-11-02T00:00:00Z","lifecycleRestoreStorageClass":"STANDARD"}},` +
		`"restoreEventData":{"lifecycleRestorationExpiryTime":"2026-11-02T00:00:00Z","lifecycleRestoreStorageClass":"GLACIER"},` +
		`"replicationEventData":{"replicationRuleId":"rr","destinationBucket":"d","s3Operation":"o","requestTime":"2026-11-02T00:00:00Z","failureReason":"f"},` +
		`"intelligentTieringEventData":{"destinationAccessTier":"ARCHIVE"},"lifecycleEventData":{"transitionEventData":{"destinationStorageClass":"GLACIER"}}}`

	eventBridge = `{"version":"0","id":"b-1","detail-type":"Order Shipped","source":"com.shop","account":"1","time":"2026-11-01T12:30:00Z","region":"eu-west-1",` +
		`"resources":["arn:aws:ec2:eu-west-1:1:instance/i"],"detail":{"id":"1"}}`

	task = `{"kind":"ORDER_PROCESS","input":{"orderId":"1"},"taskToken":"AQDE","context":` + taskContext + `}`

	taskContext = `{"Execution":{"Id":"arn:aws:states:eu-west-1:1:execution:m:e","Name":"e","RoleArn":"arn:aws:iam::1:role/r","Input":{"type":"REFERENCE"},` +
		`"StartTime":"2026-11-01T12:30:00Z"},"State":{"Name":"Ship","EnteredTime":"2026-11-01T12:30:01Z","RetryCount":2},` +
		`"StateMachine":{"Id":"arn:aws:states:eu-west-1:1:stateMachine:m","Name":"m"},"Task":{"Token":"AQDF"}}`

	s3Test = `{"Service":"Amazon S3","Event":"s3:TestEvent","Time":"2026-11-01T12:30:00.000Z","Bucket":"shop","RequestId":"r","HostId":"h"}`
	http   = `{"version":"2.0","rawPath":"/orders","headers":{"accept":"*/*"},"requestContext":{"http":{"method":"GET"}},"isBase64Encoded":false}`
)

var dynamoDBRecordWithoutIdentity = strings.Replace(dynamoDBRecord, "userIdentity", "identity", 1)

// recordsOf is a payload of these records.
func recordsOf(records ...string) string { return `{"Records":[` + strings.Join(records, ",") + `]}` }

// payloads are one of each kind, and some that are none.
var payloads = []string{
	recordsOf(sqsRecord), recordsOf(sqsRecord, strings.ReplaceAll(sqsRecord, "m-1", "m-2")), recordsOf(snsRecord), recordsOf(dynamoDBRecord, dynamoDBRecord),
	recordsOf(kinesisRecord), recordsOf(s3Record), eventBridge, task, `{"input":{"type":"REFERENCE"},"context":` + taskContext + `}`, s3Test, http,
	recordsOf(), recordsOf(sqsRecord, snsRecord), `{"Records":[{"eventSource":"aws:sqs"}],"window":{"start":"a","end":"b"},"state":{"1":"2"},"shardId":"s"}`,
	`{"window":{},"Records":[` + dynamoDBRecord + `],"isFinalInvokeForWindow":false}`, " {\n\"Records\" : [ " + sqsRecord + " ,\t" + sqsRecord + " ] } ",
	`{"Records":[{"body":"","eventSource":"aws:sqs","EventSource":"aws:sns"}]}`, `{"Records":[{"eventSource":"aws:kafka"}]}`, `{"Records":[1]}`, `{"Records":{}}`,
	`{"Records":[` + sqsRecord + `],"Records":[]}`, `{"records":[` + sqsRecord + `]}`, `{}`, `null`, `[]`, `"x"`, `1`, ``, `{"a":1}`, `{"a":1,"a":2}`, `{"type":"X","payload":null}`,
}
