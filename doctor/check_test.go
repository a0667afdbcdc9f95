package doctor_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/doctor"
)

const (
	region   = "us-east-1:000000000000:"
	function = "arn:aws:lambda:" + region + "function:shop"
	orders   = "arn:aws:sqs:" + region + "orders"
	failed   = "arn:aws:sqs:" + region + "failed"
	prices   = "arn:aws:sns:" + region + "prices"
	clicks   = "arn:aws:kinesis:" + region + "stream/clicks"
	users    = "arn:aws:dynamodb:" + region + "table/users"
)

type order struct{ ID string }

type row struct {
	PK string `dynamodbav:"pk"`
}

// healthy is a function with a queue, as it should be.
func healthy() (doctor.Code, doctor.Deployment) {
	mux := cqrs.NewMux()
	cqrs.OnSQS[order](mux, cqrs.Queue("orders"))
	return doctor.Code{Config: cqrs.Config{Factory: mux, Registry: cqrs.NewRegistry()}}, doctor.Deployment{
		Function: doctor.Function{Name: "shop", ARN: function, Timeout: 30 * time.Second, AsyncRetries: 2},
		Mappings: []doctor.Mapping{{Source: orders, Enabled: true, ReportsItems: true}},
		Queues: []doctor.Queue{
			{Name: "orders", ARN: orders, Visibility: 3 * time.Minute, Retention: 96 * time.Hour, DeadLetters: failed, MaxReceives: 5},
			{Name: "failed", ARN: failed, Visibility: 30 * time.Second, Retention: 14 * 24 * time.Hour},
		},
	}
}

type ownFactory struct{ cqrs.DefaultEventFactory }

func TestCheck(t *testing.T) {
	t.Parallel()
	stream := func(source string) doctor.Mapping {
		return doctor.Mapping{Source: source, Enabled: true, ReportsItems: true, Bisects: true, Retries: 3, RecordAge: -1, Destination: failed}
	}
	own := func(edit func(mux *cqrs.Mux)) func(*doctor.Code, *doctor.Deployment) {
		return func(c *doctor.Code, _ *doctor.Deployment) { edit(c.Config.Factory.(*cqrs.Mux)) }
	}
	type edit = func(c *doctor.Code, d *doctor.Deployment)
	task := doctor.Task{Machine: "machine", State: "state", Type: "ORDER", Token: true, Heartbeat: time.Minute, Timeout: time.Hour}
	withTask := own(func(mux *cqrs.Mux) { cqrs.OnStepFunction[order](mux, "ORDER") })
	allow := func(actions []string, resources ...string) doctor.Statement {
		return doctor.Statement{Allow: true, Actions: actions, Resources: resources}
	}
	for name, test := range map[string]struct {
		edits []edit
		found []string // severity, rule and resource
	}{
		"healthy": {},
		"a factory of one's own": {
			[]edit{func(c *doctor.Code, d *doctor.Deployment) {
				c.Config.Factory = ownFactory{}
				d.Mappings = append(d.Mappings, stream(clicks))
			}},
			[]string{"note factory-unknown shop"},
		},
		"no factory": {
			[]edit{func(c *doctor.Code, _ *doctor.Deployment) { c.Config.Factory = nil }}, []string{"error source-unrouted orders"},
		},
		"a queue that no rule takes": {
			[]edit{func(_ *doctor.Code, d *doctor.Deployment) {
				d.Mappings = append(d.Mappings, doctor.Mapping{Source: failed, Enabled: true, ReportsItems: true})
				d.Queues[1].Visibility = time.Hour
			}},
			[]string{"error source-unrouted failed", "warning queue-dead-letters failed"}[:1],
		},
		"a topic that no rule takes": {
			[]edit{func(_ *doctor.Code, d *doctor.Deployment) {
				d.Subscriptions, d.Function.AsyncDestination = []doctor.Subscription{{Topic: prices, Endpoint: function}}, failed
			}},
			[]string{"error source-unrouted prices", "warning delivery-dead-letters prices"},
		},
		"a rule without its stream": {
			[]edit{own(func(mux *cqrs.Mux) { cqrs.OnKinesis[order](mux, cqrs.Stream("clicks")) })},
			[]string{`error source-missing OnKinesis[doctor_test.order](Stream("clicks"))`},
		},
		"a rule by ARN": {
			[]edit{own(func(mux *cqrs.Mux) { cqrs.OnKinesis[order](mux, cqrs.Stream(clicks)) }), func(_ *doctor.Code, d *doctor.Deployment) {
				d.Mappings = append(d.Mappings, stream(clicks))
			}}, nil,
		},
		"a schedule for a rule without conditions": {
			[]edit{own(func(mux *cqrs.Mux) { cqrs.OnEventBridge[order](mux, cqrs.Any()) }), func(_ *doctor.Code, d *doctor.Deployment) {
				d.Rules, d.Function.AsyncDestination = []doctor.EventRule{{Schedule: true}}, failed
			}}, nil,
		},
		"a schedule that nobody takes": {
			[]edit{
				own(func(mux *cqrs.Mux) { cqrs.OnEventBridge[order](mux, cqrs.DetailType("com.shop", "X")) }),
				func(_ *doctor.Code, d *doctor.Deployment) {
					d.Rules, d.Function.AsyncDestination = []doctor.EventRule{{Schedule: true}, {Sources: []string{"com.shop"}}}, failed
				},
			},
			[]string{"error source-unrouted a schedule", "warning delivery-dead-letters com.shop"},
		},
		"a bucket for another event": {
			[]edit{func(c *doctor.Code, d *doctor.Deployment) {
				cqrs.OnS3(c.Config.Factory.(*cqrs.Mux), cqrs.And(cqrs.Bucket("files"), cqrs.EventName("ObjectCreated:")), orderOf)
				d.Buckets = []doctor.Bucket{{Name: "files", Events: []string{"s3:ObjectRemoved:*"}, Prefix: "a/"}}
				d.Function.AsyncDestination = failed
			}},
			[]string{
				`error source-missing OnS3[doctor_test.order](And(Bucket("files"), EventName("ObjectCreated:")))`,
				"error source-unrouted files/a/",
			},
		},
		"what a queue carries": {
			[]edit{func(c *doctor.Code, d *doctor.Deployment) {
				mux := cqrs.NewMux()
				cqrs.OnSNS[order](mux, cqrs.Topic("prices"))
				c.Config.Factory = cqrs.Envelopes(mux, cqrs.From("orders", cqrs.SNS))
				d.Subscriptions = []doctor.Subscription{{Topic: prices, Endpoint: orders, DeadLetters: failed}}
			}}, nil,
		},
		"raw, and opened": {
			[]edit{func(c *doctor.Code, d *doctor.Deployment) {
				mux := cqrs.NewMux()
				cqrs.OnSNS[order](mux, cqrs.Any())
				c.Config.Factory = cqrs.Envelopes(mux, cqrs.From(orders, cqrs.SNS))
				d.Subscriptions = []doctor.Subscription{{Topic: prices, Endpoint: orders, Raw: true, DeadLetters: failed}}
			}},
			[]string{"error envelope-raw orders"},
		},
		"wrapped, and not opened": {
			[]edit{func(_ *doctor.Code, d *doctor.Deployment) {
				d.Subscriptions = []doctor.Subscription{{Topic: prices, Endpoint: orders, DeadLetters: failed}}
			}},
			[]string{"error envelope-unopened orders"},
		},
		"raw, and not opened": {
			[]edit{func(_ *doctor.Code, d *doctor.Deployment) {
				d.Subscriptions = []doctor.Subscription{{Topic: prices, Endpoint: orders, Raw: true, DeadLetters: failed}}
			}}, nil,
		},
		"whole batches": {
			[]edit{func(c *doctor.Code, d *doctor.Deployment) {
				c.Config.BatchMode, d.Mappings[0].ReportsItems = cqrs.WholeBatch, false
			}}, nil,
		},
		"whole batches, with partial responses": {
			[]edit{func(c *doctor.Code, _ *doctor.Deployment) { c.Config.BatchMode = cqrs.WholeBatch }},
			[]string{"warning batch-failures-unused orders"},
		},
		"a dead-letter queue of another kind": {
			[]edit{func(_ *doctor.Code, d *doctor.Deployment) {
				d.Queues[0].DeadLetters, d.Queues[1].ARN = failed+".fifo", failed+".fifo"
			}},
			[]string{"error dead-letter-kind failed"},
		},
		"a FIFO queue, whose messages are new in the other": {
			[]edit{func(c *doctor.Code, d *doctor.Deployment) {
				mux := cqrs.NewMux()
				cqrs.OnSQS[order](mux, cqrs.Any())
				c.Config.Factory = mux
				d.Mappings[0].Source, d.Queues[0].ARN = orders+".fifo", orders+".fifo"
				d.Queues[0].DeadLetters, d.Queues[1].ARN = failed+".fifo", failed+".fifo"
				d.Queues[0].Retention = d.Queues[1].Retention
			}}, nil,
		},
		"the last attempt is not known": {
			[]edit{func(c *doctor.Code, _ *doctor.Deployment) {
				c.Config.Alarm = cqrs.NewLogAlarmer(slog.New(slog.DiscardHandler))
			}},
			[]string{"note queue-last-attempt orders"},
		},
		"a queue that may not be looked at": {
			[]edit{func(_ *doctor.Code, d *doctor.Deployment) { d.Queues = nil }}, []string{"note unread orders"},
		},
		"removals without old images": {
			[]edit{
				own(func(mux *cqrs.Mux) { cqrs.OnDynamoDB[row](mux, cqrs.Table("users"), cqrs.Removed) }),
				func(_ *doctor.Code, d *doctor.Deployment) {
					d.Mappings = append(d.Mappings, stream(users+"/stream/2026"))
					d.Tables = []doctor.Table{{Name: "users", ARN: users, View: "NEW_IMAGE"}}
				},
			},
			[]string{"warning stream-view users"},
		},
		"a data sync of old images": {
			[]edit{func(c *doctor.Code, d *doctor.Deployment) {
				cqrs.RegisterDataSync(c.Config.Registry, cqrs.NewDataSync("users", cqrs.NewMemorySync(), cqrs.Target("rds", readModel{})))
				d.Mappings = append(d.Mappings, stream(users+"/stream/2026"))
				d.Tables = []doctor.Table{{Name: "users", ARN: users, View: "OLD_IMAGE"}}
			}},
			[]string{"error stream-view users"},
		},
		"a task, and nobody tells it": {
			[]edit{withTask, func(_ *doctor.Code, d *doctor.Deployment) { d.Tasks = []doctor.Task{task} }},
			[]string{"error task-callback machine/state"},
		},
		"a task that wants heartbeats": {
			[]edit{withTask, func(c *doctor.Code, d *doctor.Deployment) {
				c.Config.Policy.Callback, d.Tasks = callback{}, []doctor.Task{task}
			}},
			[]string{"error task-heartbeat machine/state"},
		},
		"a task without a token": {
			[]edit{withTask, func(_ *doctor.Code, d *doctor.Deployment) {
				waits := task
				waits.Token = false
				d.Tasks = []doctor.Task{waits}
			}}, nil,
		},
		"a table that is not there": {
			[]edit{func(c *doctor.Code, _ *doctor.Deployment) { c.IdempotencyTable, c.SyncTable = "claims", "progress" }},
			[]string{"error table-missing claims", "error table-missing progress"},
		},
		"a variable that is not there": {
			[]edit{func(c *doctor.Code, _ *doctor.Deployment) { c.Variables = []string{"STAGE"} }}, []string{"error variable-missing STAGE"},
		},
		"permissions that nobody could read": {
			[]edit{func(c *doctor.Code, d *doctor.Deployment) {
				c.Calls, d.Unread = []doctor.Call{doctor.Calls(nil, "sqs:SendMessage")}, []string{"the role"}
			}},
			[]string{"note unread shop"},
		},
		"outcomes that are forgotten": {
			[]edit{func(c *doctor.Code, _ *doctor.Deployment) { c.Config.Policy.Idempotency = cqrs.NewMemoryIdempotency() }},
			[]string{"warning idempotency-short Config.Policy"},
		},
		"outcomes of a route that are forgotten": {
			[]edit{func(c *doctor.Code, d *doctor.Deployment) {
				policy := cqrs.Policy{
					Idempotency: cqrs.NewMemoryIdempotency(), IdempotencyOptions: []cqrs.IdempotencyOption{cqrs.IdempotencyTTL(time.Hour)},
				}
				cqrs.RegisterFunc(c.Config.Registry, func(context.Context, order) error { return nil }, cqrs.RoutePolicy(policy), cqrs.RouteName("orders"))
				d.Queues[0].Retention = 2 * time.Hour
			}},
			[]string{"warning idempotency-short the policy of orders"},
		},
		"outcomes that are kept": {
			[]edit{func(c *doctor.Code, d *doctor.Deployment) {
				c.Config.Policy.Idempotency = cqrs.NewMemoryIdempotency()
				c.Config.Policy.IdempotencyOptions = []cqrs.IdempotencyOption{cqrs.IdempotencyTTL(96 * time.Hour)}
			}}, nil,
		},
		"a heartbeat by the route's policy": {
			[]edit{withTask, func(c *doctor.Code, d *doctor.Deployment) {
				policy := cqrs.Policy{Callback: callback{}, CallbackOptions: []cqrs.CallbackOption{cqrs.HeartbeatEvery(10 * time.Second)}}
				cqrs.RegisterFunc(c.Config.Registry, func(context.Context, order) error { return nil }, cqrs.RoutePolicy(policy))
				d.Tasks = []doctor.Task{task}
			}}, nil,
		},
		"a destination that may not be sent to": {
			[]edit{func(_ *doctor.Code, d *doctor.Deployment) {
				d.Function.AsyncDestination, d.Function.Statements = failed, []doctor.Statement{}
			}},
			[]string{"error permission-missing sqs:SendMessage"},
		},
		"a topic as a destination": {
			[]edit{func(_ *doctor.Code, d *doctor.Deployment) {
				d.Function.AsyncDestination, d.Function.Statements = prices, []doctor.Statement{allow([]string{"sns:Publish"}, prices)}
			}}, nil,
		},
		"records that nobody takes, and nobody misses": {
			[]edit{own(func(mux *cqrs.Mux) { mux.IgnoreUnrouted() }), func(_ *doctor.Code, d *doctor.Deployment) {
				d.Mappings = append(d.Mappings, stream(clicks))
			}},
			[]string{"warning source-unrouted clicks"},
		},
		"an envelope of a queue that is not mapped": {
			[]edit{func(c *doctor.Code, _ *doctor.Deployment) {
				cqrs.OnSNS[order](c.Config.Factory.(*cqrs.Mux), cqrs.Topic("prices"))
				c.Config.Factory = cqrs.Envelopes(c.Config.Factory, cqrs.From("other", cqrs.SNS))
			}},
			[]string{`error source-missing OnSNS[doctor_test.order](Topic("prices"))`},
		},
		"a rule of all tables beside a data sync": {
			[]edit{own(func(mux *cqrs.Mux) { cqrs.OnChange[row](mux, cqrs.Any()) }), func(c *doctor.Code, d *doctor.Deployment) {
				cqrs.RegisterDataSync(c.Config.Registry, cqrs.NewDataSync("users", cqrs.NewMemorySync(), cqrs.Target("rds", readModel{})))
				d.Mappings = append(d.Mappings, stream(users+"/stream/2026"))
				d.Tables = []doctor.Table{{Name: "users", ARN: users, View: "NEW_IMAGE"}}
			}}, nil,
		},
		"a rule that takes records of keys": {
			[]edit{
				own(func(mux *cqrs.Mux) { cqrs.OnDynamoDB[cqrs.DynamoDBRecord](mux, cqrs.Any(), cqrs.Inserted) }),
				func(_ *doctor.Code, d *doctor.Deployment) {
					d.Mappings = append(d.Mappings, stream(users+"/stream/2026"))
					d.Tables = []doctor.Table{{Name: "users", ARN: users, View: "KEYS_ONLY"}}
				},
			}, nil,
		},
		"a task that gives up before the function": {
			[]edit{withTask, func(c *doctor.Code, d *doctor.Deployment) {
				early := task
				early.Heartbeat, early.Timeout = 0, 20*time.Second
				c.Config.Policy.Callback, d.Tasks = callback{}, []doctor.Task{early}
			}},
			[]string{"warning task-timeout machine/state"},
		},
		"outcomes that stay, by another attribute": {
			[]edit{func(c *doctor.Code, d *doctor.Deployment) {
				c.IdempotencyTable = "claims"
				d.Tables = []doctor.Table{{Name: "claims", TTL: "ttl", Keys: []string{"id"}}}
			}},
			[]string{"warning idempotency-ttl claims"},
		},
		"outcomes that go, by another attribute": {
			[]edit{func(c *doctor.Code, d *doctor.Deployment) {
				c.IdempotencyTable, c.IdempotencyTTL = "claims", "ttl"
				d.Tables = []doctor.Table{{Name: "claims", TTL: "ttl", Keys: []string{"id"}}}
			}}, nil,
		},
		"a permission under a condition": {
			[]edit{func(c *doctor.Code, d *doctor.Deployment) {
				c.Calls = []doctor.Call{doctor.Calls([]string{orders}, "sqs:SendMessage")}
				s := allow([]string{"sqs:SendMessage"}, orders)
				s.Conditional = true
				d.Function.Statements = []doctor.Statement{s}
			}},
			[]string{"note permission-conditional sqs:SendMessage"},
		},
		"a denial under a condition": {
			[]edit{func(c *doctor.Code, d *doctor.Deployment) {
				c.Calls = []doctor.Call{doctor.Calls([]string{orders}, "sqs:SendMessage")}
				d.Function.Statements = []doctor.Statement{
					allow([]string{"sqs:SendMessage"}, orders), {Actions: []string{"*"}, Resources: []string{"*"}, Conditional: true},
				}
			}}, nil,
		},
		"all actions but some": {
			[]edit{func(c *doctor.Code, d *doctor.Deployment) {
				c.Calls = []doctor.Call{doctor.Calls([]string{orders}, "sqs:SendMessage", "sqs:PurgeQueue")}
				d.Function.Statements = []doctor.Statement{{Allow: true, NotActions: []string{"sqs:P*"}, Resources: []string{orders}}}
			}},
			[]string{"error permission-missing sqs:PurgeQueue"},
		},
		"no permissions": {
			[]edit{func(c *doctor.Code, d *doctor.Deployment) {
				c.Calls, d.Function.Statements = []doctor.Call{doctor.Calls(nil, "sqs:SendMessage")}, []doctor.Statement{}
			}},
			[]string{"error permission-missing sqs:SendMessage"},
		},
		"permissions by patterns, in any case": {
			[]edit{func(c *doctor.Code, d *doctor.Deployment) {
				c.Calls = []doctor.Call{doctor.Calls(doctor.TableARNs("users"), "dynamodb:GetItem", "dynamodb:BatchGetItem")}
				d.Function.Statements = []doctor.Statement{
					allow([]string{"DynamoDB:*GetIte?"}, "arn:aws:dynamodb:*:*:table/use?s"), allow([]string{"sqs:ReceiveMessage"}, orders),
				}
			}}, nil,
		},
		"permissions for all but something": {
			[]edit{func(c *doctor.Code, d *doctor.Deployment) {
				c.Calls = []doctor.Call{doctor.Calls([]string{doctor.PhoneNumbers, prices}, "sns:Publish")}
				d.Function.Statements = []doctor.Statement{{Allow: true, Actions: []string{"sns:Publish"}, NotResources: []string{"arn:aws:sns:*"}}}
			}},
			[]string{"error permission-missing sns:Publish"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, deployment := healthy()
			for _, e := range test.edits {
				e(&code, &deployment)
			}
			var found []string
			for _, f := range doctor.Check(code, deployment) {
				found = append(found, string(f.Severity)+" "+f.Rule+" "+f.Resource)
			}
			require.Equal(t, test.found, found)
		})
	}
}

type readModel struct{}

func (readModel) Up(context.Context, cqrs.Command[order]) error   { return nil }
func (readModel) Down(context.Context, cqrs.Command[order]) error { return nil }

type callback struct{ cqrs.TaskCallback }

type port interface {
	GetItem()
	BatchGetItem()
	TransactWriteItems()
}

func TestCallsOf(t *testing.T) {
	t.Parallel()
	require.Equal(t, doctor.Call{Actions: []string{"dynamodb:BatchGetItem", "dynamodb:GetItem"}, Resources: []string{"x"}},
		doctor.CallsOf[port]("dynamodb", "x"))
	require.Equal(t, []string{"dynamodb:GetItem"}, doctor.CallsOf[port]("dynamodb").Without("dynamodb:BatchGetItem").Actions)
	require.Equal(t, []string{"s3:PutObject", "s3:GetObject"}, doctor.CallsOf[interface {
		CreateMultipartUpload()
		HeadObject()
		PutObject()
	}]("s3").Actions)
	require.Equal(t, []string{"sqs:SendMessage"}, doctor.CallsOf[interface {
		SendMessage()
		SendMessageBatch()
	}]("sqs").Actions)
	require.Panics(t, func() { doctor.CallsOf[order]("s3") })
	require.Equal(t, []string{"arn:*:sqs:*:*:orders"}, doctor.QueueARNs("https://sqs.us-east-1.amazonaws.com/000000000000/orders"))
	require.Equal(t, []string{"arn:*:s3:::files/*"}, doctor.ObjectARNs("files"))
}

func orderOf(*events.S3EventRecord) (order, error) { return order{}, nil }
