package lambdaevent

// Kind is what a payload is.
type Kind uint8

// The kinds of payloads.
const (
	SQS Kind = iota + 1
	SNS
	DynamoDB
	Kinesis
	S3
	EventBridge
	StepFunctions
	S3Test // what S3 sends once, when notifications are configured
	Empty  // Records without a record, so without a source
)

// String names the kind as a sentence about a payload would.
func (k Kind) String() string {
	switch k {
	case SQS:
		return "SQS"
	case SNS:
		return "SNS"
	case DynamoDB:
		return "DynamoDB"
	case Kinesis:
		return "Kinesis"
	case S3:
		return "S3"
	case EventBridge:
		return "EventBridge"
	case StepFunctions:
		return "Step Functions"
	case S3Test:
		return "an S3 test event"
	case Empty:
		return "empty Records"
	default:
		return "an unknown payload"
	}
}

// kindOf returns the kind of the records of an event source, 0 for one that is
// not served.
func kindOf(source string) Kind {
	switch source {
	case "aws:sqs":
		return SQS
	case "aws:sns":
		return SNS
	case "aws:dynamodb":
		return DynamoDB
	case "aws:kinesis":
		return Kinesis
	case "aws:s3":
		return S3
	default:
		return 0
	}
}
