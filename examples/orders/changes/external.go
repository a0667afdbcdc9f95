package changes

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/lambda-cqrs/cqrs"
)

// maxRetryAfter is the longest that a system outside may make a record wait.
const maxRetryAfter = 15 * time.Minute

// External are the systems that follow the shop, behind one base URL:
//
//	PUT    <base>/<KIND>/<tenant>/<sk>?version=n   the state as of version n, as JSON
//	DELETE <base>/<KIND>/<tenant>/<sk>?version=n   gone, as of version n
//
// They keep the newest version, also of what is gone, and answer 409 or 412 to a PUT
// that is not newer and to a DELETE that is older. So a request may be repeated, and
// requests may overtake each other.
//
//	2xx             nil
//	409, 412        cqrs.Skip: they have it, or something newer
//	408, 429, 5xx   an error, with Retry-After a cqrs.RetryAfter
//	else            cqrs.Permanent
type External struct {
	client *http.Client
	base   string
}

// NewExternal makes the client of what follows under the base URL; where that is
// empty, nothing does, and all is skipped. The client is the caller's, with its
// timeout. Redirections are not followed: the first of them would turn a PUT into a
// GET, which succeeds.
func NewExternal(client *http.Client, base string) *External {
	own := *client
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &External{client: &own, base: strings.TrimRight(base, "/")}
}

// Put sends the state of an aggregate as of a version.
func (e *External) Put(ctx context.Context, key cqrs.Key, version int64, state any) error {
	body, err := json.Marshal(state)
	if err != nil {
		return cqrs.Permanent(fmt.Errorf("changes: encode %s %s: %w", key.PK, key.SK, err))
	}
	return e.send(ctx, http.MethodPut, key, version, body)
}

// Delete says that an aggregate is gone as of a version.
func (e *External) Delete(ctx context.Context, key cqrs.Key, version int64) error {
	return e.send(ctx, http.MethodDelete, key, version, nil)
}

func (e *External) send(ctx context.Context, method string, key cqrs.Key, version int64, body []byte) error {
	if e.base == "" {
		return cqrs.Skip("no system follows")
	}
	kind, tenant, ok := key.CutTenant()
	if !ok {
		return cqrs.Permanent(fmt.Errorf("changes: the partition key %q is not of the form KIND#tenant", key.PK))
	}
	address := fmt.Sprintf("%s/%s/%s/%s?version=%d", e.base,
		url.PathEscape(kind), url.PathEscape(tenant), url.PathEscape(key.SK), version)
	request, err := http.NewRequestWithContext(ctx, method, address, bytes.NewReader(body))
	if err != nil {
		return cqrs.Permanent(fmt.Errorf("changes: %w", err))
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	response, err := e.client.Do(request)
	if err != nil {
		return fmt.Errorf("changes: %w", err)
	}
	defer drain(response)
	if verdict := judge(response); verdict != nil {
		return fmt.Errorf("changes: %s of %s %s version %d: %w", method, key.PK, key.SK, version, verdict)
	}
	return nil
}

// drain reads an answer to its end, which leaves the connection to the next request.
// The status has come by then: nothing in there could change what it says.
func drain(r *http.Response) {
	_, _ = io.Copy(io.Discard, io.LimitReader(r.Body, 64<<10))
	_ = r.Body.Close()
}

// judge is what an answer means for the record. It does not quote its body, which may
// be anything.
func judge(r *http.Response) error {
	status := fmt.Errorf("the system outside answered %s", r.Status)
	switch code := r.StatusCode; {
	case code >= 200 && code < 300:
		return nil
	case code == http.StatusConflict, code == http.StatusPreconditionFailed:
		return cqrs.Skip("the system outside has this version or a newer one")
	case code == http.StatusRequestTimeout, code == http.StatusTooManyRequests, code >= 500:
		if delay, ok := retryAfter(r.Header.Get("Retry-After"), time.Now()); ok {
			return cqrs.RetryAfter(delay, status)
		}
		return status
	default:
		return cqrs.Permanent(status)
	}
}

// retryAfter reads the header's two forms, seconds and a date.
// https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
func retryAfter(header string, now time.Time) (time.Duration, bool) {
	if seconds, err := strconv.ParseUint(header, 10, 31); err == nil {
		return min(time.Duration(seconds)*time.Second, maxRetryAfter), true
	}
	if at, err := http.ParseTime(header); err == nil {
		return min(max(at.Sub(now), 0), maxRetryAfter), true
	}
	return 0, false
}
