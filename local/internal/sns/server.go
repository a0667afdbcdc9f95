// Package sns is Amazon SNS in memory: standard and FIFO topics that deliver to
// queues, functions and HTTP endpoints.
package sns

import (
	"encoding/xml"
	"net/http"
	"sync"

	"github.com/lambda-cqrs/cqrs/local/internal/clock"
	"github.com/lambda-cqrs/cqrs/local/internal/task"
	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// Options are what a server needs.
type Options struct {
	wire.Owner
	Endpoint string // of this server, for links
	Clock    clock.Clock
	Tasks    *task.Group
	Deliver  wire.Deliver
	Client   *http.Client // for HTTP endpoints
}

// Server serves the SNS API. It is safe for parallel use.
type Server struct {
	options Options
	http    *wire.Query

	mu            sync.Mutex
	topics        map[string]*topic
	subscriptions map[string]*subscription
	sequence      uint64 // of the last message to a FIFO topic
}

// New returns a server without topics.
func New(options Options) *Server {
	s := &Server{options: options, topics: make(map[string]*topic), subscriptions: make(map[string]*subscription)}
	s.http = &wire.Query{Service: "sns", Namespace: "http://sns.amazonaws.com/doc/2010-03-31/", Operations: wire.Operations{
		"CreateTopic":               wire.Typed(s.createTopic),
		"DeleteTopic":               wire.Typed(s.deleteTopic),
		"ListTopics":                wire.Typed(s.listTopics),
		"GetTopicAttributes":        wire.Typed(s.getTopicAttributes),
		"SetTopicAttributes":        wire.Typed(s.setTopicAttributes),
		"Subscribe":                 wire.Typed(s.subscribe),
		"ConfirmSubscription":       wire.Typed(s.confirmSubscription),
		"Unsubscribe":               wire.Typed(s.unsubscribe),
		"ListSubscriptions":         wire.Typed(s.listSubscriptions),
		"ListSubscriptionsByTopic":  wire.Typed(s.listSubscriptions),
		"GetSubscriptionAttributes": wire.Typed(s.getSubscriptionAttributes),
		"SetSubscriptionAttributes": wire.Typed(s.setSubscriptionAttributes),
		"Publish":                   wire.Typed(s.publishOne),
		"PublishBatch":              wire.Typed(s.publishBatch),
	}}
	return s
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.http.ServeHTTP(w, r) }

// Operations are those of the API.
func (s *Server) Operations() wire.Operations { return s.http.Operations }

func badParameter(format string, arguments ...any) *wire.Error {
	return wire.Invalid("InvalidParameter", "Invalid parameter: "+format, arguments...)
}

func notFound(what string) *wire.Error {
	return &wire.Error{Code: "NotFound", Message: what + " does not exist", Status: http.StatusNotFound}
}

// attributeMap is a map in SNS's XML.
type attributeMap map[string]string

// MarshalXML writes entries of key and value.
func (m attributeMap) MarshalXML(encoder *xml.Encoder, start xml.StartElement) error {
	type entry struct {
		Key   string `xml:"key"`
		Value string `xml:"value"`
	}
	list := struct {
		Entries []entry `xml:"entry"`
	}{}
	for key, value := range m {
		list.Entries = append(list.Entries, entry{key, value})
	}
	return encoder.EncodeElement(list, start)
}
