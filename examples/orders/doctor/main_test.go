package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/doctor"
	"github.com/lambda-cqrs/cqrs/examples/orders/app"
)

// parameters are those without a default.
var parameters = []string{"-parameter", "DatabaseUrl=postgres://", "-parameter", "MailFrom=shop@example.com"}

func readTemplate(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../template.yaml")
	require.NoError(t, err)
	return string(text)
}

// diagnose runs the command over a template.
func diagnose(t *testing.T, template string) (findings []doctor.Finding, status int) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "template.yaml")
	require.NoError(t, os.WriteFile(file, []byte(template), 0o600))
	var out bytes.Buffer
	status = doctor.Run(t.Context(), slices.Concat([]string{"-json", "-template", file}, parameters), &out, code)
	require.Less(t, status, 2, out.String())
	require.NoError(t, json.Unmarshal(out.Bytes(), &findings))
	return findings, status
}

// TestTemplate: what is deployed and what is written fit.
func TestTemplate(t *testing.T) {
	t.Parallel()
	findings, status := diagnose(t, readTemplate(t))
	require.Empty(t, findings)
	require.Zero(t, status)

	d, err := doctor.ReadTemplate([]byte(readTemplate(t)), map[string]string{"DatabaseUrl": "x", "MailFrom": "x"})
	require.NoError(t, err)
	require.ElementsMatch(t, app.Variables(), slices.Collect(maps.Keys(d.Function.Environment)))
	require.Equal(t, map[string]int{"mappings": 7, "tables": 14, "queues": 3, "buckets": 3, "rules": 2, "tasks": 2, "subscriptions": 1}, map[string]int{
		"mappings": len(d.Mappings), "tables": len(d.Tables), "queues": len(d.Queues), "buckets": len(d.Buckets),
		"rules": len(d.Rules), "tasks": len(d.Tasks), "subscriptions": len(d.Subscriptions),
	})
}

// TestTemplateWithAMistake makes one mistake after the other, and each has to be
// found, and nothing else.
func TestTemplateWithAMistake(t *testing.T) {
	t.Parallel()
	good := readTemplate(t)
	for name, test := range map[string]struct {
		old, new string // of the text behind after
		after    string
		rules    []string // severity, rule and resource of each finding
	}{
		"a queue without partial responses": {
			after: "Notifications:\n          Type: SQS", old: "FunctionResponseTypes: [ReportBatchItemFailures]", new: "BatchSize: 10",
			rules: []string{"error batch-failures-unreported Notifications"},
		},
		"a stream without partial responses": {
			after: "OrderCommandStream:", old: "FunctionResponseTypes: [ReportBatchItemFailures]", new: "Enabled: true",
			rules: []string{"error batch-failures-unreported shop-order-command"},
		},
		"a disabled mapping": {
			after: "UserStream:", old: "BatchSize: 100", new: "Enabled: false", rules: []string{"warning mapping-disabled Users"},
		},
		"no bisecting": {
			after: "OrderStream:", old: "BisectBatchOnFunctionError: true", new: "BisectBatchOnFunctionError: false",
			rules: []string{"warning stream-bisect shop-order-data"},
		},
		"a subscription without dead letters": {
			after: "FilterPolicy:", old: "RedrivePolicy: {deadLetterTargetArn: !GetAtt Undelivered.Arn}", new: "Tags: {}",
			rules: []string{"warning delivery-dead-letters Prices"},
		},
		"a rule without dead letters": {
			after: "OrderShipped:", old: "DeadLetterConfig: {Arn: !GetAtt Undelivered.Arn}", new: "Tags: {}",
			rules: []string{"warning delivery-dead-letters com.shop Order Shipped"},
		},
		"messages that are kept for long": {
			after: "\n  DeadLetters:", old: "1209600", new: "1382400", rules: []string{"warning idempotency-short Config.Policy"},
		},
		"no limit of attempts": {
			after: "OrderStream:", old: "MaximumRetryAttempts: 50\n            MaximumRecordAgeInSeconds: 43200", new: "MaximumRetryAttempts: -1",
			rules: []string{"warning stream-retries shop-order-data"},
		},
		"no destination of a stream": {
			after: "ProductCommandStream:", old: "DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Undelivered.Arn}}", new: "Enabled: true",
			rules: []string{"error stream-destination shop-product-command"},
		},
		"a stream from now on": {
			after: "ProductStream:", old: "TRIM_HORIZON", new: "LATEST", rules: []string{"warning stream-latest shop-product-data"},
		},
		"a stream without old images": {
			after: "OrderData:", old: "NEW_AND_OLD_IMAGES", new: "NEW_IMAGE", rules: []string{"error stream-view shop-order-data"},
		},
		"a stream of keys": {
			after: "Users:", old: "NEW_AND_OLD_IMAGES", new: "KEYS_ONLY", rules: []string{"error stream-view Users"},
		},
		"a data sync whose stream is not mapped": {
			after: "OrderCommandStream:", old: "!GetAtt OrderCommands.StreamArn", new: "!GetAtt OrderData.StreamArn",
			rules: []string{"error source-missing shop-order-command"},
		},
		"a table whose stream is not mapped": {
			after: "UserStream:", old: "!GetAtt Users.StreamArn", new: "!GetAtt OrderData.StreamArn",
			rules: []string{
				`error source-missing OnChange[cqrs.Change[github.com/lambda-cqrs/cqrs/examples/orders/shop.User]](Table("Users"), INSERT|MODIFY|REMOVE)`,
			},
		},
		"a table that nobody takes changes of": {
			after: "UserStream:", old: "!GetAtt Users.StreamArn", new: "!GetAtt Orders.StreamArn",
		},
		"a prefix that nobody takes": {
			after: "Uploads:", old: "uploads/", new: "downloads/",
			rules: []string{`error source-missing OnS3[uploads.Upload](KeyPrefix("uploads/"))`, "error source-unrouted shop-files-000000000000/downloads/"},
		},
		"an event that nobody takes": {
			after: "OrderShipped:", old: "[Order Shipped]", new: "[Order Lost]",
			rules: []string{
				`error source-missing OnEventBridge[fulfilment.OrderShipped](DetailType("com.shop", "Order Shipped"))`,
				"error source-unrouted com.shop Order Lost",
			},
		},
		"a task that nobody takes": {
			after: "CsvImport:", old: "type: CSV_IMPORT", new: "type: TSV_IMPORT",
			rules: []string{`error source-missing OnStepFunction[catalog.CSVImport](type "CSV_IMPORT")`, "error source-unrouted shop-csv-import/Import"},
		},
		"a short visibility timeout": {
			after: "\n  Notifications:", old: "VisibilityTimeout: 180", new: "VisibilityTimeout: 60", rules: []string{"error queue-visibility Notifications"},
		},
		"the default visibility timeout": {
			after: "\n  DeadLetters:", old: "VisibilityTimeout: 180", new: "DelaySeconds: 0", rules: []string{"error queue-visibility DeadLetters"},
		},
		"a batching window": {
			after: "Notifications:\n          Type: SQS", old: "BatchSize: 10", new: "MaximumBatchingWindowInSeconds: 5",
			rules: []string{"error queue-visibility Notifications"},
		},
		"no redrive policy": {
			after: "\n  Notifications:", old: "RedrivePolicy:", new: "Tags:", rules: []string{"warning queue-dead-letters DeadLetters", "warning queue-dead-letters Notifications"},
		},
		"few receives": {
			after: "\n  Notifications:", old: "maxReceiveCount: 5", new: "maxReceiveCount: 3",
			rules: []string{"error queue-last-attempt Notifications", "warning queue-receives Notifications"},
		},
		"many receives": {
			after: "\n  Notifications:", old: "maxReceiveCount: 5", new: `maxReceiveCount: "9"`, rules: []string{"error queue-last-attempt Notifications"},
		},
		"dead letters that are kept as long as messages": {
			after: "\n  DeadLetters:", old: "1209600", new: "345600", rules: []string{"warning dead-letter-retention DeadLetters"},
		},
		"what was given up is not kept for long": {
			after: "\n  Undelivered:", old: "1209600", new: "345600", rules: []string{"warning dead-letter-retention Undelivered"},
		},
		"no destination of asynchronous events": {
			after: "EventInvokeConfig:", old: "DestinationConfig: {OnFailure: {Type: SQS, Destination: !GetAtt Undelivered.Arn}}", new: "Enabled: true",
			rules: []string{"error async-destination ShopFunction"},
		},
		"asynchronous events are not tried again": {
			after: "EventInvokeConfig:", old: "MaximumRetryAttempts: 2", new: "MaximumRetryAttempts: 0", rules: []string{"warning async-retries ShopFunction"},
		},
		"a late heartbeat": {
			after: "OrderProcess:", old: "HeartbeatSeconds: 60", new: "HeartbeatSeconds: 30", rules: []string{"warning task-heartbeat shop-order-process/Process"},
		},
		"no heartbeat": {
			after: "OrderProcess:", old: "HeartbeatSeconds: 60", new: "Comment: none", rules: []string{"note task-heartbeat shop-order-process/Process"},
		},
		"a task that is waited for a year": {
			after: "CsvImport:", old: "HeartbeatSeconds: 60\n            TimeoutSeconds: 600", new: "Comment: none",
			rules: []string{"warning task-timeout shop-csv-import/Import"},
		},
		"a variable too much": {
			after: "Variables:", old: "STAGE: !Ref Stage", new: "STAGE: !Ref Stage\n          STEP: 1", rules: []string{"note variable-unknown STEP"},
		},
		"a short timeout": {
			after: "Properties:", old: "Timeout: !Ref FunctionTimeout", new: "Timeout: 10", rules: []string{"warning timeout-long ShopFunction"},
		},
		"outcomes that stay for ever": {
			after: "\n  Idempotency:", old: "Enabled: true", new: "Enabled: false", rules: []string{"warning idempotency-ttl Idempotency"},
		},
		"a table for something else": {
			after: "\n  Idempotency:", old: "- {AttributeName: id, KeyType: HASH}", new: "- {AttributeName: id, KeyType: HASH}\n        - {AttributeName: sk, KeyType: RANGE}",
			rules: []string{"error idempotency-key Idempotency"},
		},
		"tombstones that vanish": {
			after: "\n  SyncProgress:", old: "BillingMode: PAY_PER_REQUEST", new: "TimeToLiveSpecification: {AttributeName: ttl, Enabled: true}",
			rules: []string{"error sync-ttl SyncProgress"},
		},
		"a missing permission": {
			after: "Sid: Payments", old: "dynamodb:PutItem", new: "dynamodb:GetItem",
			rules: []string{"error permission-missing dynamodb:PutItem", "warning permission-unused dynamodb:GetItem"},
		},
		"a permission for another table": {
			after: "Sid: Documents", old: "!GetAtt Documents.Arn", new: "!GetAtt Payments.Arn",
			rules: []string{"error permission-missing dynamodb:PutItem"},
		},
		"a denial": {
			after: "Sid: Workflow", old: "Effect: Allow", new: "Effect: Deny",
			rules: []string{"error permission-denied states:StartExecution", "error permission-missing states:StartExecution"},
		},
		"every action": {
			after: "Sid: Cache", old: "dynamodb:PutItem", new: "dynamodb:*", rules: []string{"warning permission-wide dynamodb:*"},
		},
		"every resource": {
			after: "Sid: Alarms", old: "Resource: !Ref Alarms", new: `Resource: "*"`, rules: []string{"warning permission-wide sns:Publish"},
		},
		"a managed policy": {
			after: "Policies:", old: "- Statement:", new: "- AmazonDynamoDBFullAccess\n        - Statement:", rules: []string{"note unread ShopFunction"},
		},
		"a role of its own": {
			after: "MemorySize: 512", old: "Timeout:", new: "Role: arn:aws:iam::1:role/x\n      Timeout:", rules: []string{"note unread ShopFunction"},
		},
		"a resource that nobody knows": {
			after: "Resources:", old: "\n\n  ShopFunction:", new: "\n\n  Other: {Type: AWS::Events::EventBus}\n\n  ShopFunction:",
			rules: []string{"note unread ShopFunction"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before, behind, found := strings.Cut(good, test.after)
			require.True(t, found, test.after)
			require.Contains(t, behind, test.old, test.old)
			bad := before + test.after + strings.Replace(behind, test.old, test.new, 1)
			if test.rules == nil {
				_, err := doctor.ReadTemplate([]byte(bad), map[string]string{"DatabaseUrl": "x", "MailFrom": "x"})
				require.Error(t, err)
				return
			}
			findings, status := diagnose(t, bad)
			var rules []string
			for _, f := range findings {
				rules = append(rules, strings.Join([]string{string(f.Severity), f.Rule, f.Resource}, " "))
				require.NotEmpty(t, f.Problem)
				require.NotEmpty(t, f.Fix)
			}
			require.Equal(t, test.rules, rules, "%v", findings)
			if strings.HasPrefix(test.rules[0], "error") {
				require.Equal(t, 1, status)
			} else {
				require.Zero(t, status)
			}
		})
	}
}

// TestIgnore: what somebody has looked at is left out, and nothing else.
func TestIgnore(t *testing.T) {
	t.Parallel()
	bad := strings.ReplaceAll(readTemplate(t), "StartingPosition: TRIM_HORIZON", "StartingPosition: LATEST")
	file := filepath.Join(t.TempDir(), "template.yaml")
	require.NoError(t, os.WriteFile(file, []byte(bad), 0o600))
	for ignored, left := range map[string]int{"other": 5, "stream-latest": 0, "stream-latest=Users": 4, "stream-bisect=Users": 5} {
		var out bytes.Buffer
		arguments := slices.Concat([]string{"-template", file, "-ignore", ignored, "-ignore", "async-retries"}, parameters)
		require.Zero(t, doctor.Run(t.Context(), arguments, &out, code))
		require.Contains(t, out.String(), fmt.Sprintf("0 errors, %d warnings, 0 notes", left), ignored)
	}
}

// TestNothingToCheck: what cannot be checked is no clean bill of health.
func TestNothingToCheck(t *testing.T) {
	t.Parallel()
	good := filepath.Join("..", "template.yaml")
	for name, test := range map[string]struct {
		arguments []string
		says      string
	}{
		"neither":              {nil, "give one of -template and -function"},
		"both":                 {[]string{"-template", good, "-function", "shop"}, "give one of -template and -function"},
		"no such file":         {[]string{"-template", "none.yaml"}, "none.yaml"},
		"a parameter too few":  {[]string{"-template", good}, "is not given, and has no default"},
		"a parameter too many": {slices.Concat([]string{"-template", good, "-parameter", "Other=1"}, parameters), "has no parameter Other"},
		"a bad parameter":      {[]string{"-parameter", "x"}, "Name=Value"},
		"a variable too few":   {slices.Concat([]string{"-template", good, "-parameter", "Stage="}, parameters), "STAGE is not set"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			require.Equal(t, 2, doctor.Run(t.Context(), test.arguments, &out, code))
			require.Contains(t, out.String(), test.says)
		})
	}
	var out bytes.Buffer
	require.Zero(t, doctor.Run(t.Context(), []string{"-h"}, &out, code))
	require.Contains(t, out.String(), "-template")
	out.Reset()
	require.Zero(t, doctor.Run(t.Context(), slices.Concat([]string{"-template", good}, parameters), &out, code))
	require.Equal(t, "0 errors, 0 warnings, 0 notes\n", out.String())
}
