package wire

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
)

// Message is what one service delivers to another.
type Message struct {
	Body          string
	Subject       string // for topics
	Attributes    map[string]Attribute
	Group         string // MessageGroupId of a FIFO queue or topic
	Deduplication string // MessageDeduplicationId of the same
}

// Attribute is a message attribute of SQS and SNS, in SQS's JSON form. Its value
// is the one that DataType says.
type Attribute struct {
	DataType    string  `json:"DataType"`
	StringValue *string `json:"StringValue,omitempty"`
	BinaryValue []byte  `json:"BinaryValue,omitempty"`
}

// Text is an attribute of type String.
func Text(value string) Attribute {
	return Attribute{DataType: "String", StringValue: &value}
}

// Number is an attribute of type Number.
func Number(value string) Attribute {
	return Attribute{DataType: "Number", StringValue: &value}
}

// Deliver takes a message to what the ARN names: a queue, a topic, a function, an
// event bus or a state machine.
type Deliver func(ctx context.Context, arn string, m Message) error

// Owner is the account and the region that everything belongs to.
type Owner struct {
	Region  string
	Account string
}

// ARN is the full name of a resource of a service.
func (o Owner) ARN(service, resource string) string {
	return arn.ARN{Partition: "aws", Service: service, Region: o.Region, AccountID: o.Account, Resource: resource}.String()
}
