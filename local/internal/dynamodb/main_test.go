package dynamodb_test

import (
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"
	"go.uber.org/goleak"

	"github.com/lambda-cqrs/cqrs/local/internal/dynamodb"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

type item = map[string]types.AttributeValue

func text(s string) types.AttributeValue   { return &types.AttributeValueMemberS{Value: s} }
func number(s string) types.AttributeValue { return &types.AttributeValueMemberN{Value: s} }
func integer(n int64) types.AttributeValue { return number(strconv.FormatInt(n, 10)) }

// direct takes requests to the server without a network, so that it works in a
// bubble of synctest.
type direct struct{ server *dynamodb.Server }

func (d direct) Do(request *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	d.server.ServeHTTP(recorder, request)
	return recorder.Result(), nil
}

type service struct {
	*ddb.Client

	streams *dynamodbstreams.Client
	server  *dynamodb.Server
}

func start(t *testing.T, options dynamodb.Options) *service {
	t.Helper()
	server := dynamodb.New(options)
	t.Cleanup(server.Close)
	config := aws.Config{Region: "eu-west-1", BaseEndpoint: aws.String("http://dynamodb.test"), HTTPClient: direct{server}, Credentials: aws.AnonymousCredentials{}}
	return &service{ddb.NewFromConfig(config), dynamodbstreams.NewFromConfig(config), server}
}

// newTable makes a table with the key id, a string, and a stream.
func (s *service) newTable(t *testing.T, name string, change ...func(*ddb.CreateTableInput)) {
	t.Helper()
	in := &ddb.CreateTableInput{
		TableName:            &name,
		BillingMode:          types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{{AttributeName: aws.String("id"), AttributeType: types.ScalarAttributeTypeS}},
		KeySchema:            []types.KeySchemaElement{{AttributeName: aws.String("id"), KeyType: types.KeyTypeHash}},
		StreamSpecification:  &types.StreamSpecification{StreamEnabled: aws.Bool(true), StreamViewType: types.StreamViewTypeNewAndOldImages},
	}
	for _, f := range change {
		f(in)
	}
	_, err := s.CreateTable(t.Context(), in)
	require.NoError(t, err)
}

// put puts an order with an id and one more attribute, n.
func (s *service) put(t *testing.T, id, n string) {
	t.Helper()
	s.putItem(t, "orders", item{"id": text(id), "n": number(n)})
}

func (s *service) putItem(t *testing.T, table string, i item) {
	t.Helper()
	_, err := s.PutItem(t.Context(), &ddb.PutItemInput{TableName: &table, Item: i})
	require.NoError(t, err)
}

func (s *service) get(t *testing.T, table, id string) item {
	t.Helper()
	out, err := s.GetItem(t.Context(), &ddb.GetItemInput{TableName: &table, Key: item{"id": text(id)}})
	require.NoError(t, err)
	return out.Item
}

func requireCode(t *testing.T, err error, code string) string {
	t.Helper()
	var failure smithy.APIError
	require.ErrorAs(t, err, &failure)
	require.Equal(t, code, failure.ErrorCode(), failure.ErrorMessage())
	return failure.ErrorMessage()
}

const validation = "ValidationException"
