package doctor

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/lambda-cqrs/cqrs/doctor/sam"
)

// ReadTemplate reads an AWS SAM or CloudFormation template with one function.
// Parameters that are not given have their defaults; the region and the account are
// made up, unless AWS::Region and AWS::AccountId are given.
//
// What it cannot understand of what it looks at is an error with its line. Resources
// of other types are in Unread: an own role of the function, for instance.
func ReadTemplate(text []byte, parameters map[string]string) (Deployment, error) {
	parsed, err := sam.Parse(text)
	if err != nil {
		return Deployment{}, err
	}
	t := &template{resources: map[string]*sam.Resource{}, globals: parsed.Globals}
	if t.resolver, err = parsed.Resolver(parameters, t.refer); err != nil {
		return Deployment{}, err
	}
	for _, r := range parsed.Resources {
		t.resources[r.ID] = r
	}
	for _, r := range parsed.Resources {
		if err := t.read(r); err != nil {
			return Deployment{}, fmt.Errorf("template line %d: %s: %w", r.Line, r.ID, err)
		}
	}
	if t.Function.Name == "" {
		return Deployment{}, errors.New("the template has no AWS::Serverless::Function")
	}
	slices.Sort(t.Unread)
	return t.Deployment, nil
}

// template is a template on its way into a deployment.
type template struct {
	Deployment

	resolver  *sam.Resolver
	resources map[string]*sam.Resource
	globals   map[string]yaml.Node
}

// read reads a resource, and leaves alone what is of no concern to a function.
func (t *template) read(r *sam.Resource) error {
	p, err := t.resolver.Properties(r.Kind, r.Properties, nil)
	if err != nil {
		return err
	}
	known, err := t.refer(r.ID)
	if err != nil {
		return err
	}
	switch r.Kind {
	case "AWS::Serverless::Function":
		if node, ok := t.globals["Function"]; ok {
			globals, err := t.resolver.Properties("Globals.Function", &node, nil)
			if err != nil {
				return err
			}
			p.Inherit(globals)
		}
		return t.function(p, known)
	case "AWS::SQS::Queue":
		return t.queueOf(p, known)
	case "AWS::DynamoDB::Table":
		return t.tableOf(p, known)
	case "AWS::SNS::Subscription":
		return t.subscription(p)
	case "AWS::Serverless::StateMachine", "AWS::StepFunctions::StateMachine":
		return t.machine(p, known)
	case "AWS::SNS::Topic":
		return t.topic(p, known)
	case "AWS::S3::Bucket":
		return t.bucket(p, known)
	case "AWS::Kinesis::Stream", "AWS::Logs::LogGroup", "AWS::CloudWatch::Alarm", "AWS::KMS::Key",
		"AWS::SQS::QueuePolicy", "AWS::SNS::TopicPolicy":
		return nil
	default:
		t.Unread = append(t.Unread, fmt.Sprintf("%s, an %s", r.ID, r.Kind))
		return nil
	}
}

func (t *template) subscription(p *sam.Properties) error {
	if p.Text("Protocol") != "sqs" {
		return nil
	}
	var redrive redrivePolicy
	_, err := p.Into("RedrivePolicy", &redrive)
	t.Subscriptions = append(t.Subscriptions, Subscription{
		Topic: p.Text("TopicArn"), Endpoint: p.Text("Endpoint"), Raw: p.Text("RawMessageDelivery") == "true",
		DeadLetters: redrive.DeadLetterTargetArn,
	})
	return err
}

// topic reads the subscriptions that a topic has by itself.
func (t *template) topic(p *sam.Properties, known sam.Reference) error {
	var subscriptions []struct{ Endpoint, Protocol string }
	_, err := p.Into("Subscription", &subscriptions)
	for _, s := range subscriptions {
		if s.Protocol == "sqs" || s.Protocol == "lambda" {
			t.Subscriptions = append(t.Subscriptions, Subscription{Topic: known.Ref, Endpoint: s.Endpoint})
		}
	}
	return err
}

// bucket reads the notifications that a bucket has by itself.
func (t *template) bucket(p *sam.Properties, known sam.Reference) error {
	var notifications struct {
		LambdaConfigurations []struct {
			Event, Function string
			Filter          objectFilter
		}
	}
	if _, err := p.Into("NotificationConfiguration", &notifications); err != nil {
		return err
	}
	function, err := t.functionReference()
	for _, n := range notifications.LambdaConfigurations {
		if n.Function == function.Attributes["Arn"] {
			t.Buckets = append(t.Buckets, n.Filter.bucket(known.Ref, []string{n.Event}))
		}
	}
	return err
}

// refer makes up what a resource is known by.
func (t *template) refer(id string) (sam.Reference, error) {
	r, ok := t.resources[id]
	if !ok {
		return sam.Reference{}, fmt.Errorf("there is no %s", id)
	}
	kind, named := naming(r.Kind)
	name := id
	for key, value := range sam.Pairs(r.Properties) {
		if key.Value == named {
			var err error
			if name, err = t.resolver.Text(value); err != nil {
				return sam.Reference{}, err
			}
		}
	}
	if kind == "sqs:" && !strings.HasSuffix(name, ".fifo") && isFIFO(r) {
		name += ".fifo"
	}
	if kind == "" {
		return sam.Reference{Ref: name, Attributes: map[string]string{"Arn": t.arn("unknown", name)}}, nil
	}
	known := sam.Reference{Ref: name, Attributes: map[string]string{"Arn": t.arn(kind, name)}}
	switch kind {
	case "s3:":
		known.Attributes["Arn"] = fmt.Sprintf("arn:%s:s3:::%s", t.resolver.Parameter("AWS::Partition"), name)
	case "sqs:":
		known.Attributes["QueueName"] = name
		known.Ref = fmt.Sprintf("https://sqs.%s.%s/%s/%s", t.resolver.Parameter("AWS::Region"),
			t.resolver.Parameter("AWS::URLSuffix"), t.resolver.Parameter("AWS::AccountId"), name)
	case "sns:", "states:stateMachine:":
		known.Ref = known.Attributes["Arn"]
		known.Attributes["TopicArn"] = known.Ref
	case "dynamodb:table/":
		known.Attributes["StreamArn"] = known.Attributes["Arn"] + "/stream/2006-01-02T15:04:05.000"
	}
	return known, nil
}

// isFIFO reports whether a queue says that it is a FIFO queue.
func isFIFO(r *sam.Resource) bool {
	for key, value := range sam.Pairs(r.Properties) {
		if key.Value == "FifoQueue" {
			return value.Value == "true"
		}
	}
	return false
}

// naming tells how the ARN of a resource type goes on, and which property names it.
func naming(kind string) (arn, property string) {
	switch kind {
	case "AWS::Serverless::Function":
		return "lambda:function:", "FunctionName"
	case "AWS::SQS::Queue":
		return "sqs:", "QueueName"
	case "AWS::SNS::Topic":
		return "sns:", "TopicName"
	case "AWS::DynamoDB::Table":
		return "dynamodb:table/", "TableName"
	case "AWS::Kinesis::Stream":
		return "kinesis:stream/", "Name"
	case "AWS::S3::Bucket":
		return "s3:", "BucketName"
	case "AWS::Serverless::StateMachine":
		return "states:stateMachine:", "Name"
	case "AWS::StepFunctions::StateMachine":
		return "states:stateMachine:", "StateMachineName"
	default:
		return "", ""
	}
}

func (t *template) arn(kind, name string) string {
	service, rest, _ := strings.Cut(kind, ":")
	return fmt.Sprintf("arn:%s:%s:%s:%s:%s%s", t.resolver.Parameter("AWS::Partition"), service,
		t.resolver.Parameter("AWS::Region"), t.resolver.Parameter("AWS::AccountId"), rest, name)
}

func (t *template) queueOf(p *sam.Properties, known sam.Reference) error {
	q := Queue{
		Name: known.Attributes["QueueName"], ARN: known.Attributes["Arn"], Visibility: 30 * time.Second, Retention: 4 * 24 * time.Hour,
	}
	var redrive redrivePolicy
	var visibility, retention *count
	for property, v := range map[string]any{
		"VisibilityTimeout": &visibility, "MessageRetentionPeriod": &retention, "RedrivePolicy": &redrive,
	} {
		if _, err := p.Into(property, v); err != nil {
			return err
		}
	}
	if visibility != nil {
		q.Visibility = seconds(int(*visibility))
	}
	if retention != nil {
		q.Retention = seconds(int(*retention))
	}
	q.DeadLetters, q.MaxReceives = redrive.DeadLetterTargetArn, int(redrive.MaxReceiveCount)
	t.Queues = append(t.Queues, q)
	return nil
}

func (t *template) tableOf(p *sam.Properties, known sam.Reference) error {
	table := Table{Name: known.Ref, ARN: known.Attributes["Arn"]}
	var stream struct{ StreamViewType string }
	var ttl struct {
		AttributeName string
		Enabled       bool
	}
	var keys []struct{ AttributeName string }
	for property, v := range map[string]any{"StreamSpecification": &stream, "TimeToLiveSpecification": &ttl, "KeySchema": &keys} {
		if _, err := p.Into(property, v); err != nil {
			return err
		}
	}
	if table.View = stream.StreamViewType; table.View != "" {
		table.StreamARN = known.Attributes["StreamArn"]
	}
	if ttl.Enabled {
		table.TTL = ttl.AttributeName
	}
	for _, key := range keys {
		table.Keys = append(table.Keys, key.AttributeName)
	}
	t.Tables = append(t.Tables, table)
	return nil
}

func (t *template) machine(p *sam.Properties, known sam.Reference) error {
	var substitutions map[string]string
	if _, err := p.Into("DefinitionSubstitutions", &substitutions); err != nil {
		return err
	}
	definition, err := p.JSON("Definition")
	if definition == "" && err == nil {
		definition = p.Text("DefinitionString")
	}
	if err != nil || definition == "" {
		t.Unread = append(t.Unread, lastName(known.Ref)+", whose definition is not in the template")
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(substitutions)) {
		definition = strings.ReplaceAll(definition, "${"+name+"}", substitutions[name])
	}
	function, err := t.functionReference()
	if err != nil {
		return err
	}
	tasks, err := tasksOf(lastName(known.Ref), definition, function.Ref, function.Attributes["Arn"])
	t.Tasks = append(t.Tasks, tasks...)
	return err
}

// functionReference is what the template's function is known by.
func (t *template) functionReference() (sam.Reference, error) {
	for _, r := range t.resources {
		if r.Kind == "AWS::Serverless::Function" {
			return t.refer(r.ID)
		}
	}
	return sam.Reference{}, nil
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }
