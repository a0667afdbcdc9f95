package doctor

import (
	"strings"
	"time"
)

// Deployment is what is deployed: a function, and all that is around it. Names and
// ARNs are as AWS has them; those of a template that does not say are made up, and
// the same wherever it refers to them.
type Deployment struct {
	Function      Function
	Mappings      []Mapping      // event source mappings, of queues and streams
	Queues        []Queue        // that are mapped, or take what was given up
	Tables        []Table        // all of a template; the mapped and named ones of what is deployed
	Subscriptions []Subscription // of topics
	Buckets       []Bucket       // notifications to the function
	Rules         []EventRule    // of EventBridge
	Tasks         []Task         // of state machines that call the function
	// Unread are parts that nobody could look at, with the reason. What they would
	// have told is not checked.
	Unread []string
}

// Function is the function.
type Function struct {
	Name, ARN   string
	Timeout     time.Duration
	Environment map[string]string
	// AsyncRetries is how often an event of SNS, S3 or EventBridge is tried again; AWS's
	// default is 2. AsyncDestination is where one goes that was given up: an ARN, ""
	// for none.
	AsyncRetries     int
	AsyncDestination string
	Statements       []Statement // of its role; nil where they could not be read
}

// Statement is one statement of a policy.
type Statement struct {
	Allow     bool
	Actions   []string
	Resources []string // patterns
	// NotActions and NotResources take the place of Actions and Resources: all but
	// those.
	NotActions, NotResources []string
	Conditional              bool // it has a Condition, which nobody here evaluates
}

// Mapping is an event source mapping.
type Mapping struct {
	Source         string // the ARN of the queue or stream
	Enabled        bool
	ReportsItems   bool // ReportBatchItemFailures
	BatchingWindow time.Duration
	Latest         bool          // of a stream: begins with what is written from now on
	Bisects        bool          // of a stream
	Retries        int           // of a stream; -1: no limit
	RecordAge      time.Duration // of a stream; negative: no limit
	Destination    string        // of a stream: the ARN of where goes what was given up
}

// Queue is an SQS queue.
type Queue struct {
	Name, ARN             string
	Visibility, Retention time.Duration
	DeadLetters           string // the ARN of its dead-letter queue, "" for none
	MaxReceives           int
}

// FIFO reports whether the queue is a FIFO queue.
func (q Queue) FIFO() bool { return strings.HasSuffix(q.ARN, ".fifo") }

// Table is a DynamoDB table.
type Table struct {
	Name, ARN, StreamARN string
	View                 string   // StreamViewType, "" without a stream
	TTL                  string   // the attribute of the time to live, "" where it is off
	Keys                 []string // the attributes of its key
}

// Subscription is one of a topic, to the function or to a queue.
type Subscription struct {
	Topic, Endpoint string // ARNs
	Raw             bool
	DeadLetters     string // the ARN of where goes what cannot be delivered
}

// Bucket is what a bucket tells the function of.
type Bucket struct {
	Name           string
	Events         []string // such as s3:ObjectCreated:*
	Prefix, Suffix string
}

// EventRule is a rule of EventBridge that calls the function.
type EventRule struct {
	Name                 string
	Sources, DetailTypes []string // of its pattern; nil where it does not say
	Schedule             bool
	DeadLetters          string // the ARN of where goes what cannot be delivered
}

// Task is a state of a state machine that calls the function.
type Task struct {
	Machine, State     string
	Type               string // what the factory goes by, "" where the payload does not say
	Token              bool   // waits for its task token
	Heartbeat, Timeout time.Duration
}

func (d *Deployment) queue(arn string) *Queue {
	for i := range d.Queues {
		if d.Queues[i].ARN == arn {
			return &d.Queues[i]
		}
	}
	return nil
}

// table finds a table by its name, its ARN or that of its stream.
func (d *Deployment) table(id string) *Table {
	for i := range d.Tables {
		if t := &d.Tables[i]; t.Name == id || t.ARN == id || t.StreamARN == id && id != "" {
			return t
		}
	}
	return nil
}

// service is the part of an ARN that says whose it is.
func service(arn string) string {
	parts := strings.SplitN(arn, ":", 4)
	if len(parts) < 4 {
		return ""
	}
	return parts[2]
}

// lastName is the name in an ARN of a queue, topic, stream, table or bucket.
func lastName(arn string) string {
	name := arn[strings.LastIndexByte(arn, ':')+1:]
	if service(arn) == "dynamodb" {
		name, _, _ = strings.Cut(strings.TrimPrefix(arn[strings.Index(arn, ":table/")+1:], "table/"), "/")
		return name
	}
	return strings.TrimPrefix(name, "stream/")
}
