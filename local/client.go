package local

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
)

// Any credentials are good; these are what AWS's documentation uses.
const (
	accessKey = "AKIAIOSFODNN7EXAMPLE"                     //nolint:gosec // AWS's example
	secretKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" //nolint:gosec // AWS's example
)

// memoryBody is the largest body that is sent from memory.
const memoryBody = 1 << 20

// newHTTPClient returns a client whose calls do not fail with "use of closed
// network connection". The SDK closes a request's body as soon as the response
// has begun, which net/http's write loop, still looking for surplus bytes, takes
// for a failed write: it closes the connection under the response. A near server
// is fast enough for that. A body that is plain memory goes out in one write with
// the header. See https://github.com/aws/aws-sdk-go-v2/issues/2737
func newHTTPClient() *http.Client {
	return &http.Client{Transport: &memoryTransport{next: &http.Transport{MaxIdleConnsPerHost: 64}}}
}

type memoryTransport struct {
	next *http.Transport
}

// RoundTrip serves http.Client.
func (t *memoryTransport) RoundTrip(request *http.Request) (*http.Response, error) {
	if request.Body == nil || request.Body == http.NoBody || request.ContentLength < 0 || request.ContentLength > memoryBody {
		return t.next.RoundTrip(request)
	}
	body, err := io.ReadAll(request.Body)
	if err == nil {
		err = request.Body.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("reading the body of the request: %w", err)
	}
	sent := request.Clone(request.Context())
	sent.Body = io.NopCloser(bytes.NewReader(body))
	sent.ContentLength = int64(len(body))
	return t.next.RoundTrip(sent)
}

// CloseIdleConnections serves http.Client.CloseIdleConnections.
func (t *memoryTransport) CloseIdleConnections() { t.next.CloseIdleConnections() }
