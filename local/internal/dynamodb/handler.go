package dynamodb

import (
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"

	jsonv2 "github.com/go-json-experiment/json"

	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// maxRequest is the size of the largest request, in bytes.
const maxRequest = 16 << 20

// The prefixes of X-Amz-Target.
const (
	databaseTarget = "DynamoDB_20120810."
	streamsTarget  = "DynamoDBStreams_20120810."
)

// operation answers one call.
type operation func(s *Server, body []byte) (any, error)

// on is an operation on decoded parameters.
func on[In, Out any](f func(*Server, *In) (Out, error)) operation {
	return func(s *Server, body []byte) (any, error) {
		in := new(In)
		if err := decode(body, in); err != nil {
			return nil, err
		}
		return f(s, in)
	}
}

func operations() map[string]operation {
	const database, streams = databaseTarget, streamsTarget
	return map[string]operation{
		database + "BatchGetItem":       on((*Server).batchGetItem),
		database + "BatchWriteItem":     on((*Server).batchWriteItem),
		database + "CreateTable":        on((*Server).createTable),
		database + "DeleteItem":         on((*Server).deleteItem),
		database + "DeleteTable":        on((*Server).deleteTable),
		database + "DescribeTable":      on((*Server).describeTable),
		database + "DescribeTimeToLive": on((*Server).describeTimeToLive),
		database + "GetItem":            on((*Server).getItem),
		database + "ListTables":         on((*Server).listTables),
		database + "PutItem":            on((*Server).putItem),
		database + "Query":              on((*Server).query),
		database + "Scan":               on((*Server).scan),
		database + "TransactGetItems":   on((*Server).transactGetItems),
		database + "TransactWriteItems": on((*Server).transactWriteItems),
		database + "UpdateItem":         on((*Server).updateItem),
		database + "UpdateTable":        on((*Server).updateTable),
		database + "UpdateTimeToLive":   on((*Server).updateTimeToLive),
		streams + "DescribeStream":      on((*Server).describeStream),
		streams + "GetRecords":          on((*Server).getRecords),
		streams + "GetShardIterator":    on((*Server).getShardIterator),
		streams + "ListStreams":         on((*Server).listStreams),
	}
}

// ServeHTTP serves AWS JSON 1.0: the operation in X-Amz-Target, the answer in
// one write of known length. The signature of a request is not checked.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	status, answer := http.StatusOK, any(nil)
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err == nil {
		answer, err = s.call(r.Header.Get("X-Amz-Target"), body)
	} else {
		err = serialization("%v", err)
	}
	if err != nil {
		failure := asAPIError(err)
		status, answer = failure.status(), failure.body()
	}
	text, err := jsonv2.Marshal(answer)
	if err != nil {
		status, text = http.StatusInternalServerError, []byte(`{"__type":"`+codeInternal+`"}`)
	}
	header := w.Header()
	header.Set("Content-Type", "application/x-amz-json-1.0")
	header.Set("Content-Length", strconv.Itoa(len(text)))
	header.Set("X-Amz-Crc32", strconv.FormatUint(uint64(crc32.ChecksumIEEE(text)), 10))
	header.Set("X-Amzn-Requestid", rand.Text())
	w.WriteHeader(status)
	_, _ = w.Write(text) //nolint:gosec // JSON, to a client of the API
}

// Call calls an operation of the database on behalf of another service. Its error
// is a [wire.Error].
func (s *Server) Call(operation string, input []byte) (json.RawMessage, error) {
	output, err := s.call(databaseTarget+operation, input)
	if err != nil {
		failure := asAPIError(err)
		return nil, &wire.Error{Code: failure.code, Message: failure.message, Status: failure.status()}
	}
	document, err := jsonv2.Marshal(output)
	if err != nil {
		return nil, fmt.Errorf("dynamodb: encoding the answer of %s: %w", operation, err)
	}
	return document, nil
}

func (s *Server) call(target string, body []byte) (any, error) {
	operation, ok := s.operations[target]
	if !ok {
		_, name, _ := strings.Cut(target, ".")
		return nil, &apiError{code: codeUnknownOperation, message: "The local DynamoDB does not support the operation " + name}
	}
	return operation(s, body)
}

// decode reads a request. A parameter that In does not have is an error, and so
// is a value that breaks the rules of its type.
func decode(body []byte, in any) error {
	err := jsonv2.Unmarshal(body, in, jsonv2.RejectUnknownMembers(true))
	if err == nil {
		return nil
	}
	if failure, ok := errors.AsType[*apiError](err); ok {
		return failure
	}
	semantic, ok := errors.AsType[*jsonv2.SemanticError](err)
	if !ok || !errors.Is(err, jsonv2.ErrUnknownName) {
		return serialization("%v", err)
	}
	name := semantic.JSONPointer.LastToken()
	if slices.Contains(legacyParameters(), name) {
		return invalid("The local DynamoDB does not support the legacy parameter %s; use expressions", name)
	}
	return invalid("The local DynamoDB does not support the parameter %s", name)
}

// legacyParameters are those from before expressions.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/LegacyConditionalParameters.html
func legacyParameters() []string {
	return []string{
		"AttributesToGet", "AttributeUpdates", "ConditionalOperator", "Expected", "KeyConditions", "QueryFilter", "ScanFilter",
	}
}
