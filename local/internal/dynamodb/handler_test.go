package dynamodb_test

import (
	"hash/crc32"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/local/internal/dynamodb"
)

func (s *service) post(t *testing.T, target, body string) (response *http.Response, answer string) {
	t.Helper()
	request := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(body))
	request.Header.Set("X-Amz-Target", target)
	recorder := httptest.NewRecorder()
	s.server.ServeHTTP(recorder, request)
	response = recorder.Result()
	read, err := io.ReadAll(response.Body)
	require.NoError(t, err)
	return response, string(read)
}

func TestResponses(t *testing.T) {
	t.Parallel()
	s := start(t, dynamodb.Options{})
	for _, c := range []struct {
		target, body string
		status       int
		want         string
	}{
		{"DynamoDB_20120810.ListTables", "{}", 200, `{"TableNames":[]}`},
		{"DynamoDB_20120810.ListTables", "", 400, `"com.amazon.coral.service#SerializationException"`},
		{"DynamoDB_20120810.ListTables", "{", 400, "SerializationException"},
		{"DynamoDB_20120810.ListTables", `{"Limit":"1"}`, 400, "SerializationException"},
		{"DynamoDB_20120810.ListTables", `{"Limit":0}`, 400, `"com.amazon.coral.validate#ValidationException"`},
		{"DynamoDB_20120810.ListTables", `{"Limt":1}`, 400, "does not support the parameter Limt"},
		{"DynamoDB_20120810.DescribeTable", `{"TableName":"none"}`, 400, `"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException"`},
		{"DynamoDB_20120810.ExecuteStatement", "{}", 400, "does not support the operation ExecuteStatement"},
		{"DynamoDB_20120810.BatchExecuteStatement", "{}", 400, "does not support the operation BatchExecuteStatement"},
		{"", "{}", 400, "UnknownOperationException"},
		{"DynamoDB_20120810.PutItem", `{"TableName":"none","Item":{"id":{"S":"1","N":"1"}}}`, 400, "more than one datatypes"},
		{"DynamoDB_20120810.PutItem", `{"TableName":"none","Item":{"id":{}}}`, 400, "must contain exactly one"},
		{"DynamoDB_20120810.PutItem", `{"TableName":"none","Item":{"id":{"X":"1"}}}`, 400, "must contain exactly one"},
		{"DynamoDB_20120810.PutItem", `{"TableName":"none","Item":{"id":"1"}}`, 400, "must contain exactly one"},
		{"DynamoDB_20120810.PutItem", `{"TableName":"none","Item":{"id":{"S":1}}}`, 400, "SerializationException"},
		{"DynamoDB_20120810.PutItem", `{"TableName":"none","Item":{"id":{"BOOL":"yes"}}}`, 400, "SerializationException"},
		{"DynamoDB_20120810.PutItem", `{"TableName":"none","Item":{"id":{"B":"~"}}}`, 400, "SerializationException"},
		{"DynamoDB_20120810.PutItem", `{"TableName":"none","Item":{"id":{"L":{}}}}`, 400, "SerializationException"},
		{"DynamoDB_20120810.PutItem", `{"TableName":"none","Item":[]}`, 400, "SerializationException"},
		{"DynamoDB_20120810.PutItem", `{"TableName":"none","Item":{"id":{"NULL":false}}}`, 400, "must have the value of true"},
		{"DynamoDB_20120810.PutItem", `{"TableName":"none","Item":{"id":{"SS":[]}}}`, 400, "may not be empty"},
		{"DynamoDB_20120810.PutItem", `{"TableName":"none","Item":{"id":{"S":"1"},"id":{"S":"2"}}}`, 400, "SerializationException"},
		{"DynamoDB_20120810.PutItem", `{"TableName":"none"}`, 400, "'item'"},
		{"DynamoDB_20120810.PutItem", `{"TableName":"n","Item":{}}`, 400, "'tableName'"},
		{"DynamoDB_20120810.GetItem", `{"Key":{"id":{"S":"1"}}}`, 400, "'tableName'"},
	} {
		response, body := s.post(t, c.target, c.body)
		require.Equal(t, c.status, response.StatusCode, c.body)
		require.Contains(t, body, c.want, c.body)
		require.Equal(t, "application/x-amz-json-1.0", response.Header.Get("Content-Type"))
		require.Equal(t, strconv.Itoa(len(body)), response.Header.Get("Content-Length"))
		require.Equal(t, strconv.FormatUint(uint64(crc32.ChecksumIEEE([]byte(body))), 10), response.Header.Get("X-Amz-Crc32"))
		require.NotEmpty(t, response.Header.Get("X-Amzn-Requestid"))
	}
}

// A client may write the same request with its members in another order.
func TestRequestTokenIgnoresOrder(t *testing.T) {
	t.Parallel()
	s := start(t, dynamodb.Options{})
	s.newTable(t, "orders")
	for _, body := range []string{
		`{"ClientRequestToken":"t","TransactItems":[{"Put":{"TableName":"orders","Item":{"id":{"S":"1"},"n":{"N":"1"}}}}]}`,
		`{"TransactItems": [{"Put":{"Item":{"n":{"N":"1"},"id":{"S":"1"}},"TableName":"orders"}}],"ClientRequestToken":"t"}`,
	} {
		response, answer := s.post(t, "DynamoDB_20120810.TransactWriteItems", body)
		require.Equal(t, http.StatusOK, response.StatusCode, answer)
	}
}

// What is not supported is refused by name.
func TestRefusals(t *testing.T) {
	t.Parallel()
	s := start(t, dynamodb.Options{})
	s.newTable(t, "orders")
	table, key := aws.String("orders"), item{"id": text("1")}
	_, update := s.UpdateItem(t.Context(), &ddb.UpdateItemInput{TableName: table, Key: key, AttributeUpdates: map[string]types.AttributeValueUpdate{
		"n": {Value: number("1")},
	}})
	_, put := s.PutItem(t.Context(), &ddb.PutItemInput{TableName: table, Item: key, Expected: map[string]types.ExpectedAttributeValue{
		"n": {Exists: aws.Bool(false)},
	}})
	_, get := s.GetItem(t.Context(), &ddb.GetItemInput{TableName: table, Key: key, AttributesToGet: []string{"n"}})
	_, remove := s.DeleteItem(t.Context(), &ddb.DeleteItemInput{TableName: table, Key: key, ConditionalOperator: types.ConditionalOperatorAnd})
	_, query := s.Query(t.Context(), &ddb.QueryInput{TableName: table, KeyConditions: map[string]types.Condition{
		"id": {ComparisonOperator: types.ComparisonOperatorEq},
	}})
	_, scan := s.Scan(t.Context(), &ddb.ScanInput{TableName: table, ScanFilter: map[string]types.Condition{
		"id": {ComparisonOperator: types.ComparisonOperatorEq},
	}})
	_, statement := s.ExecuteStatement(t.Context(), &ddb.ExecuteStatementInput{Statement: aws.String("SELECT id FROM orders")})
	_, create := s.CreateTable(t.Context(), &ddb.CreateTableInput{
		TableName: aws.String("local"), BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
		LocalSecondaryIndexes: []types.LocalSecondaryIndex{{
			IndexName:  aws.String("index"),
			KeySchema:  []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
			Projection: &types.Projection{ProjectionType: types.ProjectionTypeAll},
		}},
	})
	for name, err := range map[string]error{
		"AttributeUpdates": update, "Expected": put, "AttributesToGet": get, "ConditionalOperator": remove, "KeyConditions": query,
		"ScanFilter": scan, "LocalSecondaryIndexes": create,
	} {
		require.Contains(t, requireCode(t, err, validation), name)
	}
	require.Contains(t, requireCode(t, statement, "UnknownOperationException"), "ExecuteStatement")
	require.Nil(t, s.get(t, "orders", "1"))
}
