package conformance_test

import (
	"archive/zip"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	lambdago "github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"
)

// TestFunctionProcess is the function, where this binary is started as one.
func TestFunctionProcess(t *testing.T) {
	t.Parallel()
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") == "" {
		t.Skip("this process is no function")
	}
	lambdago.Start(func(ctx context.Context, payload json.RawMessage) (any, error) {
		var batch events.SQSEvent
		if json.Unmarshal(payload, &batch) == nil && len(batch.Records) > 0 {
			var response events.SQSEventResponse
			for _, record := range batch.Records {
				if record.Body == "bad" {
					response.BatchItemFailures = append(response.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: record.MessageId})
				}
			}
			return response, nil
		}
		var command struct{ Do, Queue string }
		_ = json.Unmarshal(payload, &command)
		switch command.Do {
		case "fail":
			return nil, errors.New("as asked for")
		case "exit":
			os.Exit(3)
		case "send": // proves that the process finds the services
			client := sqs.New(sqs.Options{
				Region: os.Getenv("AWS_REGION"), BaseEndpoint: aws.String(os.Getenv("AWS_ENDPOINT_URL")),
				Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
					return aws.Credentials{AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: os.Getenv("AWS_SECRET_ACCESS_KEY")}, nil
				}),
			})
			_, err := client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &command.Queue, MessageBody: aws.String(os.Getenv("GREETING"))})
			return nil, err
		}
		return payload, nil
	})
}

// createFunction makes a function of this binary.
func createFunction(t *testing.T) *lambda.Client {
	t.Helper()
	if *endpoint != "" {
		t.Skip("the local runtime only: the archive has a script that starts this binary")
	}
	program, err := os.Executable()
	require.NoError(t, err)
	var archive bytes.Buffer
	writer := zip.NewWriter(&archive)
	file, err := writer.Create("bootstrap")
	require.NoError(t, err)
	_, err = fmt.Fprintf(file, "#!/bin/sh\nexec %q -test.run='^TestFunctionProcess$'\n", program)
	require.NoError(t, err)
	require.NoError(t, writer.Close())
	client := lambda.NewFromConfig(config(t))
	created, err := client.CreateFunction(t.Context(), &lambda.CreateFunctionInput{
		FunctionName: aws.String(name(t)), Runtime: types.RuntimeProvidedal2023, Handler: aws.String("bootstrap"), Role: role,
		Code: &types.FunctionCode{ZipFile: archive.Bytes()}, Timeout: aws.Int32(30),
		Environment: &types.Environment{Variables: map[string]string{"GREETING": "hello"}},
	})
	require.NoError(t, err)
	require.Equal(t, types.StateActive, created.State)
	_, err = client.GetFunction(t.Context(), &lambda.GetFunctionInput{FunctionName: created.FunctionArn})
	require.NoError(t, err)
	return client
}

func TestLambdaCreateFunctionAndInvoke(t *testing.T) {
	t.Parallel()
	client := createFunction(t)
	for range 2 {
		out, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String(name(t)), Payload: []byte(`{"a":1}`)})
		require.NoError(t, err)
		require.EqualValues(t, 200, out.StatusCode)
		require.Nil(t, out.FunctionError)
		require.JSONEq(t, `{"a":1}`, string(out.Payload))
	}
	_, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String("missing")})
	var missing *types.ResourceNotFoundException
	require.ErrorAs(t, err, &missing)
	_, err = client.DeleteFunction(t.Context(), &lambda.DeleteFunctionInput{FunctionName: aws.String(name(t))})
	require.NoError(t, err)
	_, err = client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String(name(t))})
	require.ErrorAs(t, err, &missing)
}

func TestLambdaFunctionErrorAndEventInvoke(t *testing.T) {
	t.Parallel()
	client, q := createFunction(t), newQueue(t, name(t), nil)
	invoke := func(payload string) *lambda.InvokeOutput {
		out, err := client.Invoke(t.Context(), &lambda.InvokeInput{FunctionName: aws.String(name(t)), Payload: []byte(payload)})
		require.NoError(t, err)
		return out
	}
	out := invoke(`{"Do":"fail"}`)
	require.Equal(t, "Unhandled", *out.FunctionError)
	require.JSONEq(t, `{"errorMessage":"as asked for","errorType":"errorString"}`, string(out.Payload))
	exited := decode[struct{ ErrorType string }](t, string(invoke(`{"Do":"exit"}`).Payload))
	require.Equal(t, "Runtime.ExitError", exited.ErrorType)
	require.JSONEq(t, `1`, string(invoke(`1`).Payload), "a new process serves the next invocation")

	sent, err := client.Invoke(t.Context(), &lambda.InvokeInput{
		FunctionName: aws.String(name(t)), InvocationType: types.InvocationTypeEvent, Payload: []byte(`{"Do":"send","Queue":"` + q.url + `"}`),
	})
	require.NoError(t, err)
	require.EqualValues(t, 202, sent.StatusCode)
	require.Equal(t, "hello", *q.receiveOne(20).Body)
}

func TestLambdaEventSourceMappingDeletesWhatSucceeded(t *testing.T) {
	t.Parallel()
	client := createFunction(t)
	q := newQueue(t, name(t), nil)
	mapped, err := client.CreateEventSourceMapping(t.Context(), &lambda.CreateEventSourceMappingInput{
		FunctionName: aws.String(name(t)), EventSourceArn: &q.arn, BatchSize: aws.Int32(10),
		FunctionResponseTypes: []types.FunctionResponseType{types.FunctionResponseTypeReportBatchItemFailures},
	})
	require.NoError(t, err)
	_, err = client.CreateEventSourceMapping(t.Context(), &lambda.CreateEventSourceMappingInput{
		FunctionName: aws.String(name(t)), EventSourceArn: &q.arn, BatchSize: aws.Int32(100),
	})
	var invalid *types.InvalidParameterValueException
	require.ErrorAs(t, err, &invalid)
	q.send("good")
	q.send("bad")
	eventually(t, func() bool {
		return q.attribute("ApproximateNumberOfMessages") == "0" && q.attribute("ApproximateNumberOfMessagesNotVisible") == "1"
	})
	_, err = client.DeleteEventSourceMapping(t.Context(), &lambda.DeleteEventSourceMappingInput{UUID: mapped.UUID})
	require.NoError(t, err)
}
