package doctor

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/lambda-cqrs/cqrs/doctor/sam"
)

func (t *template) function(p *sam.Properties, known sam.Reference) error {
	if t.Function.Name != "" {
		return fmt.Errorf("a second function, after %s: check them one by one, each with a template of its own", t.Function.Name)
	}
	f := Function{Name: known.Ref, ARN: known.Attributes["Arn"], Timeout: seconds(3), AsyncRetries: 2, Environment: map[string]string{}}
	var timeout count
	var environment struct{ Variables map[string]any }
	var async struct {
		MaximumRetryAttempts *count
		DestinationConfig    destinations
	}
	var deadLetters struct{ TargetArn string }
	var events map[string]event
	for property, v := range map[string]any{
		"Timeout": &timeout, "Environment": &environment, "EventInvokeConfig": &async, "DeadLetterQueue": &deadLetters, "Events": &events,
	} {
		if _, err := p.Into(property, v); err != nil {
			return err
		}
	}
	if timeout > 0 {
		f.Timeout = seconds(int(timeout))
	}
	for name, value := range environment.Variables {
		f.Environment[name] = fmt.Sprint(value)
	}
	if async.MaximumRetryAttempts != nil {
		f.AsyncRetries = int(*async.MaximumRetryAttempts)
	}
	if f.AsyncDestination = async.DestinationConfig.OnFailure.Destination; f.AsyncDestination == "" {
		f.AsyncDestination = deadLetters.TargetArn
	}
	if err := t.statements(&f, p); err != nil {
		return err
	}
	t.Function = f
	t.allow(async.DestinationConfig)
	for _, id := range slices.Sorted(maps.Keys(events)) {
		t.event(events[id])
	}
	return nil
}

type destinations struct {
	OnFailure struct{ Type, Destination string }
}

// allowed is the statement that SAM adds to the role of a function for a destination
// whose type is given.
// https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-onfailure.html
func (d destinations) allowed() []Statement {
	action := map[string]string{"SQS": "sqs:SendMessage", "SNS": "sns:Publish"}[d.OnFailure.Type]
	if action == "" {
		return nil
	}
	return []Statement{{Allow: true, Actions: []string{action}, Resources: []string{d.OnFailure.Destination}}}
}

// allow adds what SAM allows, where the other statements are known.
func (t *template) allow(d destinations) {
	if t.Function.Statements != nil {
		t.Function.Statements = append(t.Function.Statements, d.allowed()...)
	}
}

// statements reads the policies that are written out. Policy templates of SAM, and
// managed policies, are known by their name alone.
func (t *template) statements(f *Function, p *sam.Properties) error {
	if p.Text("Role") != "" {
		t.Unread = append(t.Unread, "the role of "+f.Name+", which is not the template's own")
		return nil
	}
	var policies []json.RawMessage
	switch there, err := p.Into("Policies", &policies); {
	case err != nil:
		t.Unread = append(t.Unread, fmt.Sprintf("the policies of %s, which are not a list", f.Name))
		return nil //nolint:nilerr // one managed policy, or one template
	case !there:
		f.Statements = []Statement{}
		return nil
	}
	for _, policy := range policies {
		var document policyDocument
		_ = json.Unmarshal(policy, &document) // what is no document has no statements
		if len(document.Statement) == 0 {
			t.Unread = append(t.Unread, fmt.Sprintf("the policy %.80s of %s, which is not written out", policy, f.Name))
			f.Statements = nil
			return nil
		}
		for _, s := range document.Statement {
			f.Statements = append(f.Statements, s.read())
		}
	}
	return nil
}

type policyDocument struct {
	Statement statements `json:"Statement"`
}

// statement is one of a policy document.
type statement struct {
	Effect      string `json:"Effect"`
	Action      texts  `json:"Action"`
	Resource    texts  `json:"Resource"`
	NotResource texts  `json:"NotResource"`

	NotAction texts           `json:"NotAction"`
	Condition json.RawMessage `json:"Condition"`
}

// read is the statement as it is compared.
func (s statement) read() Statement {
	return Statement{
		Allow: s.Effect == "Allow", Actions: s.Action, NotActions: s.NotAction, Resources: s.Resource, NotResources: s.NotResource,
		Conditional: len(s.Condition) > 0,
	}
}

// statements is a statement, or a list of them.
type statements []statement

// UnmarshalJSON implements json.Unmarshaler.
func (s *statements) UnmarshalJSON(text []byte) error {
	var one statement
	if err := json.Unmarshal(text, &one); err == nil {
		*s = statements{one}
		return nil
	}
	return json.Unmarshal(text, (*[]statement)(s))
}

// texts is a text, or a list of texts.
type texts []string

// UnmarshalJSON implements json.Unmarshaler.
func (t *texts) UnmarshalJSON(text []byte) error {
	var one string
	if err := json.Unmarshal(text, &one); err == nil {
		*t = texts{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(t))
}

// event is one of the function's events.
type event struct {
	Type       string
	Properties struct {
		Queue, Stream, Topic, Bucket, StartingPosition string

		Enabled                        *bool
		FunctionResponseTypes          []string
		MaximumBatchingWindowInSeconds count
		BisectBatchOnFunctionError     bool
		MaximumRetryAttempts           *count
		MaximumRecordAgeInSeconds      *count
		DestinationConfig              destinations
		Events                         texts
		Filter                         objectFilter
		Pattern                        struct {
			Source     []any `json:"source"`
			DetailType []any `json:"detail-type"`
		}
		SqsSubscription  json.RawMessage
		RedrivePolicy    redrivePolicy
		DeadLetterConfig struct{ Arn string }
	}
}

func (t *template) event(e event) {
	p := e.Properties
	switch e.Type {
	case "SQS", "DynamoDB", "Kinesis":
		m := Mapping{
			Source: p.Queue + p.Stream, Enabled: p.Enabled == nil || *p.Enabled,
			ReportsItems:   slices.Contains(p.FunctionResponseTypes, "ReportBatchItemFailures"),
			BatchingWindow: seconds(int(p.MaximumBatchingWindowInSeconds)), Latest: p.StartingPosition == "LATEST",
			Bisects: p.BisectBatchOnFunctionError, Retries: -1, RecordAge: -1, Destination: p.DestinationConfig.OnFailure.Destination,
		}
		if p.MaximumRetryAttempts != nil {
			m.Retries = int(*p.MaximumRetryAttempts)
		}
		if p.MaximumRecordAgeInSeconds != nil {
			m.RecordAge = seconds(int(*p.MaximumRecordAgeInSeconds))
		}
		t.allow(p.DestinationConfig)
		t.Mappings = append(t.Mappings, m)
	case "SNS":
		if len(p.SqsSubscription) > 0 && string(p.SqsSubscription) != "false" {
			t.Unread = append(t.Unread, "the queue of an SqsSubscription to "+p.Topic+": declare it as a queue and a mapping")
			return
		}
		t.Subscriptions = append(t.Subscriptions, Subscription{
			Topic: p.Topic, Endpoint: t.Function.ARN, DeadLetters: p.RedrivePolicy.DeadLetterTargetArn,
		})
	case "S3":
		t.Buckets = append(t.Buckets, p.Filter.bucket(p.Bucket, p.Events))
	case "EventBridgeRule", "CloudWatchEvent":
		t.Rules = append(t.Rules, EventRule{
			Sources: plain(p.Pattern.Source), DetailTypes: plain(p.Pattern.DetailType), DeadLetters: p.DeadLetterConfig.Arn,
		})
	case "Schedule":
		t.Rules = append(t.Rules, EventRule{Schedule: true})
	case "Api", "HttpApi", "Alexa", "Cognito": // of Config.Fallback
	default:
		t.Unread = append(t.Unread, "an event of type "+e.Type)
	}
}

// objectFilter is that of a bucket's notification.
type objectFilter struct {
	S3Key struct {
		Rules []struct{ Name, Value string }
	}
}

func (f objectFilter) bucket(name string, events []string) Bucket {
	b := Bucket{Name: name, Events: events}
	for _, rule := range f.S3Key.Rules {
		if strings.EqualFold(rule.Name, "suffix") {
			b.Suffix = rule.Value
		} else {
			b.Prefix = rule.Value
		}
	}
	return b
}

// plain are the texts of a pattern, nil where it has conditions of another kind: then
// nobody can tell what it lets through.
func plain(values []any) []string {
	var all []string
	for _, v := range values {
		text, ok := v.(string)
		if !ok {
			return nil
		}
		all = append(all, text)
	}
	return all
}
