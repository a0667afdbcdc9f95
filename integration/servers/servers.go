// Package servers starts what the integration tests run against, each on a free
// loopback port: dynoxide, an independent implementation of DynamoDB, as a child
// process; and gofakes3 in this process.
package servers

import (
	"context"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go/middleware"

	"github.com/lambda-cqrs/cqrs/internal/loopback"
)

// Region is the one that all servers are in.
const Region = "eu-west-1"

// Server is a running server. The caller closes it.
type Server struct {
	URL string

	client *http.Client
	stop   func() error
}

func newServer(url string, stop func() error) *Server {
	return &Server{URL: url, client: loopback.NewClient(), stop: stop}
}

// Config is for any SDK client of the server. It is made by hand, since the SDK's
// own loader replaces the HTTP client where AWS_CA_BUNDLE is set. What is given
// gets into the stack of every call, such as a fault.
func (s *Server) Config(stack ...func(*middleware.Stack) error) aws.Config {
	return aws.Config{
		Region:       Region,
		BaseEndpoint: aws.String(s.URL),
		HTTPClient:   s.client,
		APIOptions:   stack,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "test", SecretAccessKey: "test"}, nil
		}),
	}
}

// Close stops the server.
func (s *Server) Close() error {
	s.client.CloseIdleConnections()
	return s.stop()
}
