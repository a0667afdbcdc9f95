// Package loopback has an HTTP client for the SDK and a server in reach of a few
// microseconds.
package loopback

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
)

// memoryBody is the largest body that is sent from memory, in bytes.
const memoryBody = 1 << 20

// NewClient returns a client whose calls do not fail with "use of closed network
// connection". The SDK closes a request's body as soon as the response begins;
// net/http, still looking for surplus bytes of the body, takes that for a failed
// write and closes the connection under the response. A body that is plain memory
// goes out with the header, in one write. See
// https://github.com/aws/aws-sdk-go-v2/issues/2737
func NewClient() *http.Client {
	return &http.Client{Transport: &transport{&http.Transport{MaxIdleConnsPerHost: 64}}}
}

type transport struct{ next *http.Transport }

// RoundTrip reads the body of the request into memory before it is sent.
func (t *transport) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Body == nil || request.Body == http.NoBody || request.ContentLength < 0 || request.ContentLength > memoryBody {
		return t.next.RoundTrip(request)
	}
	body, err := io.ReadAll(request.Body)
	if err == nil {
		err = request.Body.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("loopback: reading the body of the request: %w", err)
	}
	sent := request.Clone(request.Context())
	sent.Body = io.NopCloser(bytes.NewReader(body))
	sent.ContentLength = int64(len(body))
	return t.next.RoundTrip(sent)
}

// CloseIdleConnections serves http.Client.CloseIdleConnections.
func (t *transport) CloseIdleConnections() { t.next.CloseIdleConnections() }
