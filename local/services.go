package local

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/lambda-cqrs/cqrs/local/internal/console"
	"github.com/lambda-cqrs/cqrs/local/internal/dynamodb"
	"github.com/lambda-cqrs/cqrs/local/internal/eventbridge"
	"github.com/lambda-cqrs/cqrs/local/internal/lambda"
	"github.com/lambda-cqrs/cqrs/local/internal/s3"
	"github.com/lambda-cqrs/cqrs/local/internal/sns"
	"github.com/lambda-cqrs/cqrs/local/internal/sqs"
	"github.com/lambda-cqrs/cqrs/local/internal/stepfunctions"
	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

type services struct {
	queues    *sqs.Server
	topics    *sns.Server
	buses     *eventbridge.Server
	objects   *s3.Server
	functions *lambda.Service
	machines  *stepfunctions.Server
	tables    *dynamodb.Server
	console   http.Handler
}

func (a *AWS) startServices(chosen *settings) {
	deliver := a.faults.Deliver(a.deliver)
	a.services.queues = sqs.New(sqs.Options{Owner: a.owner, Endpoint: a.Endpoint(), Clock: a.clock})
	a.services.topics = sns.New(sns.Options{
		Owner: a.owner, Endpoint: a.Endpoint(), Clock: a.clock, Tasks: a.tasks, Deliver: deliver, Client: a.client,
	})
	a.services.buses = eventbridge.New(eventbridge.Options{Owner: a.owner, Clock: a.clock, Tasks: a.tasks, Deliver: deliver})
	a.services.objects = s3.New(s3.Options{Owner: a.owner, Clock: a.clock, Deliver: deliver, Buses: a.services.buses})
	a.services.tables = newTables(chosen)
	a.services.functions = lambda.New(lambda.Options{
		Owner:       a.owner,
		Clock:       a.clock,
		Tasks:       a.tasks,
		Queues:      a.services.queues,
		Streams:     a.services.tables,
		Deliver:     deliver,
		Delivery:    a.faults.Delivery,
		Environment: a.environment(),
	})
	a.services.console = console.New(console.Options{State: a.state, Redrive: a.redrive})
	a.services.machines = stepfunctions.New(stepfunctions.Options{
		Owner: a.owner, Clock: a.clock, Tasks: a.tasks, Functions: a.services.functions, Call: a.call,
	})
}

// environment is what a function's process needs to find the services.
func (a *AWS) environment() []string {
	return []string{
		"AWS_ENDPOINT_URL=" + a.Endpoint(),
		"AWS_ACCESS_KEY_ID=" + accessKey,
		"AWS_SECRET_ACCESS_KEY=" + secretKey,
		"AWS_REGION=" + a.owner.Region,
	}
}

// serve finds the service and the operation of a request.
func (a *AWS) serve(w http.ResponseWriter, r *http.Request) {
	if !a.tasks.Enter() {
		panic(http.ErrAbortHandler)
	}
	defer a.tasks.Leave()
	if strings.HasPrefix(r.URL.Path, console.Path) {
		a.services.console.ServeHTTP(w, r)
		return
	}
	service, operation, handler := a.route(r)
	if handler == nil {
		wire.WriteJSON(w, "application/json", http.StatusBadRequest, map[string]string{
			"__type":  "UnsupportedOperation",
			"message": fmt.Sprintf("the local runtime has no service for %s %s %s", r.Method, r.URL.Path, r.Header.Get("X-Amz-Target")),
		})
		return
	}
	a.faults.Call(service, operation, handler, w, r)
}

func (a *AWS) route(r *http.Request) (service, operation string, handler http.Handler) {
	target, operation := wire.Target(r)
	switch {
	case target == "AmazonSQS":
		return "sqs", operation, a.services.queues
	case target == "AWSEvents":
		return "events", operation, a.services.buses
	case target == "AWSStepFunctions":
		return "states", operation, a.services.machines
	case target == "DynamoDB_20120810":
		return "dynamodb", operation, a.services.tables
	case target == "DynamoDBStreams_20120810":
		return "streams.dynamodb", operation, a.services.tables
	case target != "":
		return "", operation, nil
	case lambda.IsRequest(r):
		return "lambda", lambda.Operation(r), a.services.functions
	case isQuery(r):
		return "sns", r.Form.Get("Action"), a.services.topics
	default:
		return "s3", s3.Operation(r), a.services.objects
	}
}

// isQuery reads the form of a request of the Query protocol, or of a link to
// confirm a subscription.
func isQuery(r *http.Request) bool {
	form := r.Method == http.MethodPost && strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded")
	if !form && !r.URL.Query().Has("Action") {
		return false
	}
	return r.ParseForm() == nil && r.Form.Has("Action")
}

// deliver takes a message from one service to another.
func (a *AWS) deliver(ctx context.Context, target string, m wire.Message) error {
	parsed, err := arn.Parse(target)
	if err != nil {
		return fmt.Errorf("local: %q is no ARN", target)
	}
	switch parsed.Service {
	case "sqs":
		return a.services.queues.Send(ctx, target, m)
	case "lambda":
		f, err := a.services.functions.Find(target)
		if err != nil {
			return err
		}
		return f.InvokeAsync([]byte(m.Body))
	case "sns":
		return a.services.topics.Publish(ctx, target, m)
	case "states":
		return a.services.machines.Start(ctx, target, m.Body)
	case "events":
		return a.deliverToBus(ctx, target, m)
	default:
		return fmt.Errorf("local: %s cannot be delivered to", target)
	}
}

// deliverToBus takes an event on to another bus, and the record of an invocation
// in an event of Lambda's.
func (a *AWS) deliverToBus(ctx context.Context, bus string, m wire.Message) error {
	var e struct {
		Source     string          `json:"source"`
		DetailType string          `json:"detail-type"`
		Time       time.Time       `json:"time"`
		Resources  []string        `json:"resources"`
		Detail     json.RawMessage `json:"detail"`
	}
	if err := json.Unmarshal([]byte(m.Body), &e); err != nil || e.Detail == nil {
		e.Source, e.DetailType, e.Time = "lambda", "Lambda Function Invocation Result - Failure", a.clock.Now()
		e.Detail = json.RawMessage(m.Body)
	}
	_, err := a.services.buses.Put(ctx, bus, eventbridge.Event{
		Source: e.Source, DetailType: e.DetailType, Time: e.Time, Resources: e.Resources, Detail: e.Detail,
	})
	return err
}

// call calls an operation of a service on behalf of another.
func (a *AWS) call(ctx context.Context, service, operation string, input []byte) (json.RawMessage, error) {
	var operations wire.Operations
	switch service {
	case "sqs":
		operations = a.services.queues.Operations()
	case "sns":
		operations = a.services.topics.Operations()
	case "events":
		operations = a.services.buses.Operations()
	case "dynamodb":
		return a.services.tables.Call(operation, input)
	default:
		return nil, fmt.Errorf("local: no calls of %s", service)
	}
	output, err := operations.Call(ctx, service, operation, input)
	if err != nil {
		return nil, err
	}
	document, err := json.Marshal(output)
	if err != nil {
		return nil, fmt.Errorf("local: %s.%s: %w", service, operation, err)
	}
	return document, nil
}
