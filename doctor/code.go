package doctor

import (
	"path"
	"reflect"
	"slices"
	"strings"

	"github.com/lambda-cqrs/cqrs"
)

// Code is what the code takes for granted.
type Code struct {
	// Config is that of the function: its factory, registry, policy and the rest.
	Config cqrs.Config
	// Calls are what the code asks of AWS. Without any, permissions are not checked.
	Calls []Call
	// Variables are the names that it needs in its environment.
	Variables []string
	// IdempotencyTable and SyncTable are those of dynamostore, "" where there is
	// none.
	IdempotencyTable, SyncTable string
	// IdempotencyTTL is the attribute of the table's time to live; default
	// "expiration".
	IdempotencyTTL string
}

// policies are those under which events of a type are handled: the routes' own, else
// that of the function.
func (c *Code) policies(event reflect.Type) []cqrs.Policy {
	var own []cqrs.Policy
	for _, route := range c.routes() {
		if route.Event == event && route.Policy != nil {
			own = append(own, *route.Policy)
		}
	}
	if own == nil {
		own = append(own, c.Config.Policy)
	}
	return own
}

func (c *Code) routes() []cqrs.Route {
	if c.Config.Registry == nil {
		return nil
	}
	return c.Config.Registry.Routes()
}

// Call is what the code asks of some resources.
type Call struct {
	Actions   []string // as policies have them: dynamodb:PutItem
	Resources []string // ARNs, or patterns of them; none: any
}

// Calls are actions upon resources.
func Calls(resources []string, actions ...string) Call {
	return Call{Actions: actions, Resources: resources}
}

// CallsOf are those of a port: an interface whose methods are operations of a client
// of the SDK. The service is as policies have it: dynamodb, s3, sqs, sns, states, ses.
//
//	doctor.CallsOf[s3store.Client]("s3", "arn:aws:s3:::files/*").Without("s3:DeleteObject")
//
// The operations of a transaction are not those of a policy, so name them:
// TransactWriteItems counts for nothing.
func CallsOf[Port any](service string, resources ...string) Call {
	t := reflect.TypeFor[Port]()
	if t.Kind() != reflect.Interface {
		panic("doctor: CallsOf needs an interface, not " + t.String())
	}
	c := Call{Resources: resources}
	for method := range t.Methods() {
		if action := actionOf(service, method.Name); action != "" && !slices.Contains(c.Actions, action) {
			c.Actions = append(c.Actions, action)
		}
	}
	return c
}

// Without leaves out actions that the code does not take although the port would.
func (c Call) Without(actions ...string) Call {
	c.Actions = slices.DeleteFunc(slices.Clone(c.Actions), func(a string) bool { return slices.Contains(actions, a) })
	return c
}

// actionOf is the action that an operation needs, "" where the operation alone does
// not tell.
// https://docs.aws.amazon.com/service-authorization/latest/reference/reference_policies_actions-resources-contextkeys.html
func actionOf(service, operation string) string {
	switch service + ":" + operation {
	case "dynamodb:TransactWriteItems", "dynamodb:TransactGetItems", "dynamodb:Options":
		return ""
	case "s3:HeadObject":
		return "s3:GetObject"
	case "s3:ListObjectsV2", "s3:ListObjects", "s3:HeadBucket":
		return "s3:ListBucket"
	case "s3:CreateMultipartUpload", "s3:UploadPart", "s3:CompleteMultipartUpload", "s3:CopyObject":
		return "s3:PutObject"
	case "s3:DeleteObjects":
		return "s3:DeleteObject"
	}
	if service == "sqs" || service == "sns" {
		operation = strings.TrimSuffix(operation, "Batch")
	}
	return service + ":" + operation
}

// PhoneNumbers is what a text message of sns:Publish is sent to: no topic and no
// endpoint, and so nothing that has an ARN.
const PhoneNumbers = "phone numbers"

// TableARNs are patterns of the ARNs of DynamoDB tables.
func TableARNs(names ...string) []string { return patterns("arn:*:dynamodb:*:*:table/", names) }

// QueueARNs are those of queues, by their names or URLs.
func QueueARNs(queues ...string) []string {
	names := make([]string, len(queues))
	for i, q := range queues {
		names[i] = path.Base(q)
	}
	return patterns("arn:*:sqs:*:*:", names)
}

// ObjectARNs are those of all objects in buckets.
func ObjectARNs(buckets ...string) []string {
	arns := patterns("arn:*:s3:::", buckets)
	for i := range arns {
		arns[i] += "/*"
	}
	return arns
}

func patterns(prefix string, names []string) []string {
	arns := make([]string, len(names))
	for i, name := range names {
		arns[i] = prefix + name
	}
	return arns
}
