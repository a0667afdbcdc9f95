// Package loopback is the HTTP transport for SDK clients that talk to a server on
// the same machine.
package loopback

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
)

// memoryBody is the largest body, in bytes, that is sent from memory.
const memoryBody = 1 << 20

// Transport keeps calls of an SDK from failing with "use of closed network
// connection". The SDK closes a request's body as soon as the response has begun,
// which net/http's write loop, still looking for surplus bytes, takes for a failed
// write: it closes the connection under the response. A near server is fast enough
// for that. A body that is plain memory goes out in one write with the header.
// See https://github.com/aws/aws-sdk-go-v2/issues/2737.
//
// The zero value is ready to use, and safe for parallel use.
type Transport struct {
	Next http.Transport // sends the requests
}

// NewClient returns a client with a Transport, whose connections stay open for as
// many calls at once as a test makes. The caller closes them with
// CloseIdleConnections.
func NewClient() *http.Client {
	return &http.Client{Transport: &Transport{Next: http.Transport{MaxIdleConnsPerHost: 64}}}
}

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Body == nil || request.Body == http.NoBody || request.ContentLength < 0 || request.ContentLength > memoryBody {
		return t.Next.RoundTrip(request)
	}
	body, err := io.ReadAll(request.Body)
	if err == nil {
		err = request.Body.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("read the body of the request: %w", err)
	}
	sent := request.Clone(request.Context())
	sent.Body = io.NopCloser(bytes.NewReader(body))
	sent.ContentLength = int64(len(body))
	return t.Next.RoundTrip(sent)
}

// CloseIdleConnections serves http.Client.CloseIdleConnections.
func (t *Transport) CloseIdleConnections() { t.Next.CloseIdleConnections() }
