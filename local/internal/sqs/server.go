// Package sqs is Amazon SQS in memory: standard and FIFO queues.
package sqs

import (
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/arn"

	"github.com/lambda-cqrs/cqrs/local/internal/clock"
	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// Options are what a server needs.
type Options struct {
	wire.Owner
	Endpoint string // the start of every queue URL
	Clock    clock.Clock
}

// Server serves the SQS API. It is safe for parallel use.
type Server struct {
	options Options
	http    *wire.JSON

	mu       sync.Mutex
	queues   map[string]*queue
	sequence uint64 // of the last message of a FIFO queue
	moves    []moveTask
}

// New returns a server without queues.
func New(options Options) *Server {
	s := &Server{options: options, queues: make(map[string]*queue)}
	s.http = &wire.JSON{Service: "sqs", Operations: s.operations(), QueryError: queryError}
	return s
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.http.ServeHTTP(w, r) }

// Operations are those of the API.
func (s *Server) Operations() wire.Operations { return s.http.Operations }

func (s *Server) operations() wire.Operations {
	return wire.Operations{
		"CreateQueue":                  wire.Typed(s.createQueue),
		"GetQueueUrl":                  wire.Typed(s.getQueueURL),
		"ListQueues":                   wire.Typed(s.listQueues),
		"DeleteQueue":                  wire.Typed(s.deleteQueue),
		"PurgeQueue":                   wire.Typed(s.purgeQueue),
		"GetQueueAttributes":           wire.Typed(s.getQueueAttributes),
		"SetQueueAttributes":           wire.Typed(s.setQueueAttributes),
		"SendMessage":                  wire.Typed(s.sendMessage),
		"SendMessageBatch":             wire.Typed(s.sendMessageBatch),
		"ReceiveMessage":               wire.Typed(s.receiveMessage),
		"DeleteMessage":                wire.Typed(s.deleteMessage),
		"DeleteMessageBatch":           wire.Typed(s.deleteMessageBatch),
		"ChangeMessageVisibility":      wire.Typed(s.changeMessageVisibility),
		"ChangeMessageVisibilityBatch": wire.Typed(s.changeMessageVisibilityBatch),
		"StartMessageMoveTask":         wire.Typed(s.startMessageMoveTask),
		"ListMessageMoveTasks":         wire.Typed(s.listMessageMoveTasks),
		"ListDeadLetterSourceQueues":   wire.Typed(s.listDeadLetterSourceQueues),
	}
}

// find returns the queue of a URL or an ARN, while mu is held.
func (s *Server) find(address string) (*queue, error) {
	name := address[strings.LastIndexAny(address, "/:")+1:]
	if parsed, err := arn.Parse(address); err == nil {
		name = parsed.Resource
	}
	if q, ok := s.queues[name]; ok {
		return q, nil
	}
	return nil, wire.Invalid("QueueDoesNotExist", "The specified queue does not exist: %s", name)
}

// ARN is the full name of the queue that a name, URL or ARN means.
func (s *Server) ARN(address string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(address)
	if err != nil {
		return "", err
	}
	return q.arn, nil
}

// VisibilityTimeout is that of the queue.
func (s *Server) VisibilityTimeout(address string) (time.Duration, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	q, err := s.find(address)
	if err != nil {
		return 0, err
	}
	return q.seconds("VisibilityTimeout"), nil
}

// queryError is the code that SQS had in its query protocol.
func queryError(code string) string {
	switch code {
	case "QueueDoesNotExist":
		return "AWS.SimpleQueueService.NonExistentQueue"
	case "QueueNameExists":
		return "QueueAlreadyExists"
	case "BatchEntryIdsNotDistinct", "BatchRequestTooLong", "EmptyBatchRequest", "InvalidBatchEntryId", "MessageNotInflight",
		"PurgeQueueInProgress", "TooManyEntriesInBatchRequest", "UnsupportedOperation":
		return "AWS.SimpleQueueService." + code
	default:
		return code
	}
}

func badValue(format string, arguments ...any) error {
	return wire.Invalid("InvalidParameterValue", format, arguments...)
}
