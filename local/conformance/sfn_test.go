package conformance_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/eventbridge/types"
	"github.com/aws/aws-sdk-go-v2/service/sfn"
	sfntypes "github.com/aws/aws-sdk-go-v2/service/sfn/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"
)

// machine is a state machine of one test.
type machine struct {
	*testing.T
	*sfn.Client
	arn string
}

// role is one that a real account has for the tests.
var role = aws.String("arn:aws:iam::000000000000:role/conformance")

// newMachine makes a machine of the states, the first of which is "First".
func newMachine(t *testing.T, states string) machine {
	t.Helper()
	client := sfn.NewFromConfig(config(t))
	created, err := client.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{
		Name: aws.String(name(t)), RoleArn: role, Definition: aws.String(`{"StartAt":"First","States":{` + states + `}}`),
	})
	require.NoError(t, err)
	return machine{t, client, *created.StateMachineArn}
}

func (m machine) start(input string) string {
	m.Helper()
	started, err := m.StartExecution(m.Context(), &sfn.StartExecutionInput{StateMachineArn: &m.arn, Input: &input})
	require.NoError(m, err)
	return *started.ExecutionArn
}

// end waits for the execution's end.
func (m machine) end(execution string) *sfn.DescribeExecutionOutput {
	m.Helper()
	var out *sfn.DescribeExecutionOutput
	eventually(m.T, func() bool {
		var err error
		out, err = m.DescribeExecution(m.Context(), &sfn.DescribeExecutionInput{ExecutionArn: &execution})
		require.NoError(m, err)
		return out.Status != sfntypes.ExecutionStatusRunning
	})
	return out
}

// output requires the execution to succeed.
func (m machine) output(execution string) string {
	m.Helper()
	out := m.end(execution)
	require.Equal(m, sfntypes.ExecutionStatusSucceeded, out.Status, "%s: %s", aws.ToString(out.Error), aws.ToString(out.Cause))
	return *out.Output
}

// callback is a Task that sends its token to the queue.
func callback(q queue, members string) string {
	return fmt.Sprintf(`"First":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage.waitForTaskToken",
		"Parameters":{"QueueUrl":%q,"MessageBody":{"token.$":"$$.Task.Token","input.$":"$"}},%s}`, q.url, members)
}

// token receives a task's message.
func (q queue) token() (token, input string) {
	q.Helper()
	m := q.receiveOne(10)
	q.delete(m)
	body := decode[struct {
		Token string
		Input json.RawMessage
	}](q.T, *m.Body)
	return body.Token, string(body.Input)
}

func (m machine) succeed(token, output string) error {
	_, err := m.SendTaskSuccess(m.Context(), &sfn.SendTaskSuccessInput{TaskToken: &token, Output: &output})
	return err
}

func (m machine) fail(token, name, cause string) error {
	_, err := m.SendTaskFailure(m.Context(), &sfn.SendTaskFailureInput{TaskToken: &token, Error: &name, Cause: &cause})
	return err
}

func TestSFNPassChoiceWaitSucceed(t *testing.T) {
	t.Parallel()
	m := newMachine(t, `
		"First":{"Type":"Pass","Parameters":{"fixed":1,"copied.$":"$.n","name.$":"$$.Execution.Name"},"ResultPath":"$.made","Next":"Wait"},
		"Wait":{"Type":"Wait","Seconds":0,"Next":"Choose"},
		"Choose":{"Type":"Choice","Choices":[
			{"And":[{"Variable":"$.n","NumericGreaterThan":10},{"Variable":"$.missing","IsPresent":false}],"Next":"Large"},
			{"Variable":"$.text","StringMatches":"a*z","Next":"Matched"},
			{"Not":{"Variable":"$.n","NumericLessThanEqualsPath":"$.limit"},"Next":"Over"}
		],"Default":"Small"},
		"Large":{"Type":"Pass","Result":"large","End":true},
		"Matched":{"Type":"Succeed","OutputPath":"$.made.fixed"},
		"Over":{"Type":"Fail","Error":"Over","Cause":"too much"},
		"Small":{"Type":"Pass","OutputPath":"$.made.copied","End":true}`)
	require.JSONEq(t, `"large"`, m.output(m.start(`{"n":10.5,"limit":1}`)))
	require.JSONEq(t, `1`, m.output(m.start(`{"n":1,"text":"abcz"}`)))
	require.JSONEq(t, `12345678901234567890`, m.output(m.start(`{"n":12345678901234567890,"limit":12345678901234567890,"missing":0,"text":""}`)))
	out := m.end(m.start(`{"n":3,"limit":2,"text":""}`))
	require.Equal(t, sfntypes.ExecutionStatusFailed, out.Status)
	require.Equal(t, "Over", *out.Error)
	require.Equal(t, "too much", *out.Cause)
	missing := m.end(m.start(`{"limit":2}`))
	require.Equal(t, sfntypes.ExecutionStatusFailed, missing.Status)
}

func TestSFNRefusesWrongDefinitions(t *testing.T) {
	t.Parallel()
	client := sfn.NewFromConfig(config(t))
	for reason, definition := range map[string]string{
		"no JSON":             `{`,
		"unknown start":       `{"StartAt":"X","States":{"A":{"Type":"Succeed"}}}`,
		"unknown next":        `{"StartAt":"A","States":{"A":{"Type":"Pass","Next":"X"}}}`,
		"neither next or end": `{"StartAt":"A","States":{"A":{"Type":"Pass"}}}`,
		"unknown type":        `{"StartAt":"A","States":{"A":{"Type":"Jump","End":true}}}`,
		"unknown resource":    `{"StartAt":"A","States":{"A":{"Type":"Task","Resource":"arn:aws:states:::x:y","End":true}}}`,
	} {
		_, err := client.CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{Name: aws.String(name(t)), RoleArn: role, Definition: &definition})
		var invalid *sfntypes.InvalidDefinition
		require.ErrorAs(t, err, &invalid, reason)
	}
	_, err := client.StartExecution(t.Context(), &sfn.StartExecutionInput{StateMachineArn: aws.String("arn:aws:states:us-east-1:000000000000:stateMachine:missing")})
	var missing *sfntypes.StateMachineDoesNotExist
	require.ErrorAs(t, err, &missing)
}

func TestSFNRefusesJSONata(t *testing.T) {
	t.Parallel()
	if *endpoint != "" {
		t.Skip("the local runtime only: AWS has JSONata")
	}
	_, err := sfn.NewFromConfig(config(t)).CreateStateMachine(t.Context(), &sfn.CreateStateMachineInput{
		Name: aws.String(name(t)), RoleArn: role, Definition: aws.String(`{"QueryLanguage":"JSONata","StartAt":"A","States":{"A":{"Type":"Pass","Output":"{% 1 %}","End":true}}}`),
	})
	require.ErrorContains(t, err, "JSONata")
}

func TestSFNStartIsIdempotentByName(t *testing.T) {
	t.Parallel()
	q := newQueue(t, name(t), nil)
	m := newMachine(t, callback(q, `"End":true`))
	start := func(input string) (*sfn.StartExecutionOutput, error) {
		return m.StartExecution(t.Context(), &sfn.StartExecutionInput{StateMachineArn: &m.arn, Name: aws.String("order-1"), Input: &input})
	}
	first, err := start(`{"a":1}`)
	require.NoError(t, err)
	again, err := start(`{"a":1}`)
	require.NoError(t, err)
	require.Equal(t, *first.ExecutionArn, *again.ExecutionArn)
	var exists *sfntypes.ExecutionAlreadyExists
	_, err = start(`{"a":2}`)
	require.ErrorAs(t, err, &exists)
	token, _ := q.token()
	require.NoError(t, m.succeed(token, `1`))
	m.output(*first.ExecutionArn)
	_, err = start(`{"a":1}`)
	require.ErrorAs(t, err, &exists)
	require.Empty(t, q.receive(1, 0), "one execution, one message")
}

func TestSFNWaitForTaskToken(t *testing.T) {
	t.Parallel()
	q := newQueue(t, name(t), nil)
	m := newMachine(t, callback(q, `"ResultSelector":{"got.$":"$.answer"},"ResultPath":"$.result","End":true`))
	execution := m.start(`{"order":7}`)
	token, input := q.token()
	require.JSONEq(t, `{"order":7}`, input)

	var output *sfntypes.InvalidOutput
	require.ErrorAs(t, m.succeed(token, `no JSON`), &output)
	var unknown *sfntypes.InvalidToken
	require.ErrorAs(t, m.succeed("nonsense", `1`), &unknown)
	require.NoError(t, m.succeed(token, `{"answer":42}`))
	require.JSONEq(t, `{"order":7,"result":{"got":42}}`, m.output(execution))
	var closed *sfntypes.TaskTimedOut
	require.ErrorAs(t, m.succeed(token, `{"answer":42}`), &closed)
	require.ErrorAs(t, m.fail(token, "a", "b"), &closed)
}

func TestSFNOneReportWins(t *testing.T) {
	t.Parallel()
	q := newQueue(t, name(t), nil)
	m := newMachine(t, callback(q, `"End":true`))
	execution := m.start(`{}`)
	token, _ := q.token()
	reports := make(chan error)
	for i := range 16 {
		go func() { reports <- m.succeed(token, fmt.Sprint(i)) }()
	}
	won := 0
	for range 16 {
		err := <-reports
		if err == nil {
			won++
			continue
		}
		var closed *sfntypes.TaskTimedOut
		require.ErrorAs(t, err, &closed)
	}
	require.Equal(t, 1, won)
	m.output(execution)
}

func TestSFNTaskFailureIsCaught(t *testing.T) {
	t.Parallel()
	q := newQueue(t, name(t), nil)
	m := newMachine(t, callback(q, `"Next":"Done","Catch":[
		{"ErrorEquals":["Other"],"Next":"Done"},{"ErrorEquals":["OutOfStock"],"ResultPath":"$.error","Next":"Compensate"}]`)+`,
		"Compensate":{"Type":"Pass","End":true},"Done":{"Type":"Succeed"}`)
	execution := m.start(`{"order":7}`)
	token, _ := q.token()
	require.NoError(t, m.fail(token, "OutOfStock", "none left"))
	require.JSONEq(t, `{"order":7,"error":{"Error":"OutOfStock","Cause":"none left"}}`, m.output(execution))

	execution = m.start(`{}`)
	token, _ = q.token()
	require.NoError(t, m.fail(token, "Uncaught", "why"))
	out := m.end(execution)
	require.Equal(t, sfntypes.ExecutionStatusFailed, out.Status)
	require.Equal(t, "Uncaught", *out.Error)
	require.Equal(t, "why", *out.Cause)
}

func TestSFNHeartbeats(t *testing.T) {
	t.Parallel()
	q := newQueue(t, name(t), nil)
	m := newMachine(t, callback(q, `"HeartbeatSeconds":2,"End":true,"Catch":[{"ErrorEquals":["States.HeartbeatTimeout"],"Next":"Late"}]`)+`,
		"Late":{"Type":"Pass","Result":"late","End":true}`)
	execution := m.start(`{}`)
	token, _ := q.token()
	pause := newQueue(t, name(t)+"-pause", nil) // an empty queue is a pause that is not a sleep
	for range 3 {
		require.Empty(t, pause.receive(1, 1))
		_, err := m.SendTaskHeartbeat(t.Context(), &sfn.SendTaskHeartbeatInput{TaskToken: &token})
		require.NoError(t, err)
	}
	require.NoError(t, m.succeed(token, `"kept alive"`))
	require.JSONEq(t, `"kept alive"`, m.output(execution))

	execution = m.start(`{}`)
	token, _ = q.token()
	require.JSONEq(t, `"late"`, m.output(execution))
	_, err := m.SendTaskHeartbeat(t.Context(), &sfn.SendTaskHeartbeatInput{TaskToken: &token})
	var closed *sfntypes.TaskTimedOut
	require.ErrorAs(t, err, &closed)
}

func TestSFNTimeout(t *testing.T) {
	t.Parallel()
	q := newQueue(t, name(t), nil)
	m := newMachine(t, callback(q, `"TimeoutSeconds":1,"End":true,"Catch":[{"ErrorEquals":["States.TaskFailed"],"Next":"Caught"}]`)+`,
		"Caught":{"Type":"Succeed"}`)
	started := time.Now()
	out := m.end(m.start(`{}`))
	require.Equal(t, sfntypes.ExecutionStatusFailed, out.Status)
	require.Equal(t, "States.Timeout", *out.Error)
	require.GreaterOrEqual(t, time.Since(started), time.Second)
}

func TestSFNRetryIssuesANewToken(t *testing.T) {
	t.Parallel()
	q := newQueue(t, name(t), nil)
	m := newMachine(t, callback(q, `"End":true,"Retry":[{"ErrorEquals":["States.ALL"],"IntervalSeconds":1,"MaxAttempts":1}]`))
	execution := m.start(`{}`)
	first, _ := q.token()
	require.NoError(t, m.fail(first, "Busy", ""))
	second, _ := q.token()
	require.NotEqual(t, first, second)
	var closed *sfntypes.TaskTimedOut
	require.ErrorAs(t, m.succeed(first, `1`), &closed)
	require.NoError(t, m.fail(second, "Busy", "still"))
	require.Equal(t, "Busy", *m.end(execution).Error)
}

func TestSFNActivity(t *testing.T) {
	t.Parallel()
	client := sfn.NewFromConfig(config(t))
	created, err := client.CreateActivity(t.Context(), &sfn.CreateActivityInput{Name: aws.String(name(t))})
	require.NoError(t, err)
	m := newMachine(t, `"First":{"Type":"Task","Resource":"`+*created.ActivityArn+`","End":true}`)
	execution := m.start(`{"a":1}`)
	work, err := client.GetActivityTask(t.Context(), &sfn.GetActivityTaskInput{ActivityArn: created.ActivityArn})
	require.NoError(t, err)
	require.JSONEq(t, `{"a":1}`, *work.Input)
	require.NoError(t, m.succeed(*work.TaskToken, `{"done":true}`))
	require.JSONEq(t, `{"done":true}`, m.output(execution))
}

func TestSFNParallelMapAndIntrinsics(t *testing.T) {
	t.Parallel()
	m := newMachine(t, `
		"First":{"Type":"Parallel","ResultPath":"$.both","Next":"Map","Branches":[
			{"StartAt":"A","States":{"A":{"Type":"Pass","Result":"a","End":true}}},
			{"StartAt":"B","States":{"B":{"Type":"Pass","OutputPath":"$.n","End":true}}}]},
		"Map":{"Type":"Map","ItemsPath":"$.items","MaxConcurrency":2,"ResultPath":"$.mapped","Next":"Intrinsics",
			"ItemSelector":{"i.$":"$$.Map.Item.Index","item.$":"$$.Map.Item.Value","n.$":"$.n"},
			"ItemProcessor":{"StartAt":"X","States":{"X":{"Type":"Pass","End":true,
				"Parameters":{"text.$":"States.Format('{}-{}-{}', $.i, $.item, $.n)"}}}}},
		"Intrinsics":{"Type":"Pass","End":true,"Parameters":{
			"both.$":"$.both","mapped.$":"$.mapped[*].text",
			"sum.$":"States.MathAdd($.n, -1)","length.$":"States.ArrayLength($.items)",
			"nested.$":"States.Format('it\\'s {} \\{\\}', States.JsonToString($.both))",
			"json.$":"States.StringToJson('[1,{\"a\":2}]')","parts.$":"States.ArrayPartition(States.ArrayRange(1, 5, 2), 2)",
			"base.$":"States.Base64Decode(States.Base64Encode('ü'))","hash.$":"States.Hash('a', 'SHA-256')",
			"split.$":"States.StringSplit('a,b;c', ',;')","has.$":"States.ArrayContains($.items, 'y')",
			"unique.$":"States.ArrayUnique(States.Array(1, 1, 'x'))","item.$":"States.ArrayGetItem($.items, 1)",
			"merged.$":"States.JsonMerge($.left, $.right, false)"}}`)
	require.JSONEq(t, `{"both":["a",5],"mapped":["0-x-5","1-y-5"],"sum":4,"length":2,"nested":"it's [\"a\",5] {}",
		"json":[1,{"a":2}],"parts":[[1,3],[5]],"base":"ü","hash":"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
		"split":["a","b","c"],"has":true,"unique":[1,"x"],"item":"y","merged":{"a":2,"b":1}}`,
		m.output(m.start(`{"n":5,"items":["x","y"],"left":{"a":1,"b":1},"right":{"a":2}}`)))
}

func TestSFNCallsOtherServices(t *testing.T) {
	t.Parallel()
	to, notified, observed := newTopic(t, name(t), nil), newQueue(t, name(t)+"-sns", nil), newQueue(t, name(t)+"-events", nil)
	to.to(notified, map[string]string{"RawMessageDelivery": "true"})
	putRule(t, nil, `{"source":["`+name(t)+`"]}`, types.Target{Arn: &observed.arn, InputPath: aws.String("$.detail")})
	m := newMachine(t, fmt.Sprintf(`
		"First":{"Type":"Task","Resource":"arn:aws:states:::sns:publish","Next":"Put","ResultPath":"$.published",
			"Parameters":{"TopicArn":%q,"Message":{"order.$":"$.order"}}},
		"Put":{"Type":"Task","Resource":"arn:aws:states:::events:putEvents","ResultPath":null,"Next":"Missing",
			"Parameters":{"Entries":[{"Source":%q,"DetailType":"Done","Detail":{"order.$":"$.order"}}]}},
		"Missing":{"Type":"Task","Resource":"arn:aws:states:::sqs:sendMessage","End":true,
			"Parameters":{"QueueUrl":%q,"MessageBody":"x"},"Catch":[{"ErrorEquals":["States.TaskFailed"],"Next":"Caught"}]},
		"Caught":{"Type":"Succeed"}`, to.arn, name(t), notified.url+"-missing"))
	out := decode[struct{ Error, Cause string }](t, m.output(m.start(`{"order":7}`)))
	require.True(t, strings.HasPrefix(out.Error, "SQS."), out.Error)
	require.JSONEq(t, `{"order":7}`, *notified.receiveOne(5).Body)
	require.JSONEq(t, `{"order":7}`, *observed.receiveOne(5).Body)
}

func TestSFNCallsDynamoDB(t *testing.T) {
	t.Parallel()
	client := ddb.NewFromConfig(config(t))
	table := newTable(&run{T: t}, client)
	key := `"Key":{"pk":{"S":"order"},"sk":{"S.$":"$.id"}}`
	task := func(operation, parameters string) string {
		return fmt.Sprintf(`"Type":"Task","Resource":"arn:aws:states:::dynamodb:%s","Parameters":{"TableName":%q,%s}`, operation, table, parameters)
	}
	m := newMachine(t, fmt.Sprintf(`
		"First":{%s,"ResultPath":null,"Next":"Update"},
		"Update":{%s,"ResultPath":"$.updated","Next":"Get"},
		"Get":{%s,"ResultPath":"$.got","Next":"Again"},
		"Again":{%s,"Catch":[{"ErrorEquals":["DynamoDB.ConditionalCheckFailedException"],"ResultPath":"$.refused","Next":"Delete"}],"End":true},
		"Delete":{%s,"ResultPath":null,"End":true}`,
		task("putItem", `"Item":{"pk":{"S":"order"},"sk":{"S.$":"$.id"},"n":{"N":"1"}}`),
		task("updateItem", key+`,"UpdateExpression":"ADD n :one","ExpressionAttributeValues":{":one":{"N":"1"}},"ReturnValues":"UPDATED_NEW"`),
		task("getItem", key),
		task("putItem", `"Item":{"pk":{"S":"order"},"sk":{"S.$":"$.id"}},"ConditionExpression":"attribute_not_exists(pk)"`),
		task("deleteItem", key)))
	type attributes map[string]map[string]string
	out := decode[struct {
		Updated struct{ Attributes attributes }
		Got     struct{ Item attributes }
		Refused struct{ Error string }
	}](t, m.output(m.start(`{"id":"7"}`)))
	require.Equal(t, attributes{"n": {"N": "2"}}, out.Updated.Attributes)
	require.Equal(t, attributes{"pk": {"S": "order"}, "sk": {"S": "7"}, "n": {"N": "2"}}, out.Got.Item)
	require.Equal(t, "DynamoDB.ConditionalCheckFailedException", out.Refused.Error)
	left, err := client.GetItem(t.Context(), &ddb.GetItemInput{TableName: &table, Key: item{"pk": text("order"), "sk": text("7")}})
	require.NoError(t, err)
	require.Empty(t, left.Item)
}

func TestSFNHistoryStopAndList(t *testing.T) {
	t.Parallel()
	q := newQueue(t, name(t), nil)
	m := newMachine(t, callback(q, `"End":true`))
	stopped := m.start(`{}`)
	token, _ := q.token()
	_, err := m.StopExecution(t.Context(), &sfn.StopExecutionInput{ExecutionArn: &stopped, Error: aws.String("Stopped"), Cause: aws.String("by hand")})
	require.NoError(t, err)
	out := m.end(stopped)
	require.Equal(t, sfntypes.ExecutionStatusAborted, out.Status)
	require.Equal(t, "Stopped", *out.Error)
	var closed *sfntypes.TaskTimedOut
	require.ErrorAs(t, m.succeed(token, `1`), &closed)

	done := m.start(`{}`)
	token, _ = q.token()
	require.NoError(t, m.succeed(token, `1`))
	m.output(done)
	history, err := m.GetExecutionHistory(t.Context(), &sfn.GetExecutionHistoryInput{ExecutionArn: &done})
	require.NoError(t, err)
	kinds := []string{}
	for i, e := range history.Events {
		require.EqualValues(t, i+1, e.Id)
		kinds = append(kinds, string(e.Type))
	}
	require.Equal(t, "ExecutionStarted TaskStateEntered", strings.Join(kinds[:2], " "))
	require.Equal(t, "First", *history.Events[1].StateEnteredEventDetails.Name)
	require.Equal(t, "TaskSucceeded TaskStateExited ExecutionSucceeded", strings.Join(kinds[len(kinds)-3:], " "))

	listed, err := m.ListExecutions(t.Context(), &sfn.ListExecutionsInput{StateMachineArn: &m.arn, StatusFilter: sfntypes.ExecutionStatusAborted})
	require.NoError(t, err)
	require.Len(t, listed.Executions, 1)
	require.Equal(t, stopped, *listed.Executions[0].ExecutionArn)
}

func TestEventsRuleStartsAStateMachine(t *testing.T) {
	t.Parallel()
	q := newQueue(t, name(t), nil)
	m := newMachine(t, callback(q, `"End":true`))
	putRule(t, nil, `{"source":["`+name(t)+`"]}`, types.Target{Arn: &m.arn, RoleArn: role, InputPath: aws.String("$.detail")})
	putEvents(t, shipped(name(t), `{"order":7}`))
	token, input := q.token()
	require.JSONEq(t, `{"order":7}`, input)
	require.NoError(t, m.succeed(token, `1`))
	_, err := q.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &q.url})
	require.NoError(t, err)
}
