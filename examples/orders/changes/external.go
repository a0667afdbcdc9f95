package changes

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/lambda-cqrs/cqrs"
)

// Message is what a system outside is told of one thing.
type Message struct {
	Kind, Tenant, Key string
	Version           int64
	Value             any // nil: it is gone
}

// External is the systems outside: one HTTP interface, which keeps the newest version
// of each thing.
//
//	PUT    <base>/<kind>/<tenant>/<key>?version=<n>
//	DELETE <base>/<kind>/<tenant>/<key>?version=<n>
type External struct {
	client *http.Client
	base   string
}

// NewExternal returns the systems at a URL. Where that is empty there are none.
func NewExternal(client *http.Client, base string) *External { return &External{client, base} }

// busy is how long to leave a system alone that is too busy and does not say for how
// long.
const busy = 30 * time.Second

// Send tells a system. It knows a newer version already: that is a Skip. It does not
// want this one: that is a permanent error.
func (e *External) Send(ctx context.Context, m Message) error {
	if e.base == "" {
		return cqrs.Skip("there are no systems outside")
	}
	request, err := e.request(ctx, m)
	if err != nil {
		return cqrs.Permanent(err)
	}
	response, err := e.client.Do(request)
	if err != nil {
		return fmt.Errorf("%s %s: %w", m.Kind, m.Key, err)
	}
	_ = response.Body.Close()
	failed := fmt.Errorf("%s %s: the system outside answered %s", m.Kind, m.Key, response.Status)
	switch code := response.StatusCode; {
	case code < 300:
		return nil
	case code == http.StatusConflict, code == http.StatusPreconditionFailed:
		return cqrs.Skip("the system outside has a newer version")
	case code == http.StatusTooManyRequests, code >= 500:
		return cqrs.RetryAfter(retryAfter(response.Header), failed)
	default:
		return cqrs.Permanent(failed)
	}
}

func (e *External) request(ctx context.Context, m Message) (*http.Request, error) {
	to, err := url.JoinPath(e.base, url.PathEscape(m.Kind), url.PathEscape(m.Tenant), url.PathEscape(m.Key))
	if err != nil {
		return nil, errors.New("the URL of the systems outside is none")
	}
	to += "?version=" + strconv.FormatInt(m.Version, 10)
	if m.Value == nil {
		return http.NewRequestWithContext(ctx, http.MethodDelete, to, http.NoBody)
	}
	body, err := json.Marshal(m.Value)
	if err != nil {
		return nil, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, to, bytes.NewReader(body))
	if err == nil {
		request.Header.Set("Content-Type", "application/json")
	}
	return request, err
}

func retryAfter(header http.Header) time.Duration {
	if seconds, err := strconv.Atoi(header.Get("Retry-After")); err == nil && seconds >= 0 {
		return time.Duration(seconds) * time.Second
	}
	return busy
}
