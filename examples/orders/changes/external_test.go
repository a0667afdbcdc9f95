package changes_test

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/examples/orders/changes"
	"github.com/lambda-cqrs/cqrs/examples/orders/changes/externaltest"
)

// verdict is what an error means for a record.
func verdict(err error) string {
	delay, delayed := cqrs.RetryDelay(err)
	switch {
	case err == nil:
		return "done"
	case cqrs.IsSkip(err):
		return "skip"
	case cqrs.IsPermanent(err):
		return "permanent"
	case delayed:
		return "after " + delay.String()
	default:
		return "again"
	}
}

func TestExternalJudgesAnswers(t *testing.T) {
	t.Parallel()
	soon := time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)
	for _, test := range []struct {
		status            int
		retryAfter, means string
	}{
		{http.StatusOK, "", "done"},
		{http.StatusCreated, "", "done"},
		{http.StatusNoContent, "", "done"},
		{http.StatusMovedPermanently, "", "permanent"},
		{http.StatusFound, "", "permanent"},
		{http.StatusTemporaryRedirect, "", "permanent"},
		{http.StatusBadRequest, "", "permanent"},
		{http.StatusForbidden, "", "permanent"},
		{http.StatusNotFound, "", "permanent"},
		{http.StatusConflict, "", "skip"},
		{http.StatusPreconditionFailed, "", "skip"},
		{http.StatusRequestTimeout, "", "again"},
		{http.StatusTooManyRequests, "", "again"},
		{http.StatusTooManyRequests, "7", "after 7s"},
		{http.StatusTooManyRequests, "soon", "again"},
		{http.StatusTooManyRequests, "-1", "again"},
		{http.StatusInternalServerError, "", "again"},
		{http.StatusServiceUnavailable, "0", "after 0s"},
		{http.StatusServiceUnavailable, "86400", "after 15m0s"}, // as long as it may make us wait
		{http.StatusServiceUnavailable, soon, "after 15m0s"},
		{http.StatusServiceUnavailable, "Thu, 01 Jan 1970 00:00:00 GMT", "after 0s"},
		{http.StatusForbidden, "7", "permanent"},
	} {
		t.Run(http.StatusText(test.status)+" "+test.retryAfter, func(t *testing.T) {
			t.Parallel()
			external := changes.NewExternal(serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path == "/elsewhere" {
					w.WriteHeader(http.StatusOK) // a redirection that is followed turns a PUT into a GET
					return
				}
				w.Header().Set("Location", "/elsewhere")
				if test.retryAfter != "" {
					w.Header().Set("Retry-After", test.retryAfter)
				}
				w.WriteHeader(test.status)
				if test.status != http.StatusNoContent {
					_, _ = w.Write([]byte("a secret"))
				}
			})))
			for _, err := range []error{
				external.Put(t.Context(), key("PRODUCT", "tea"), 1, "state"),
				external.Delete(t.Context(), key("PRODUCT", "tea"), 1),
			} {
				require.Equal(t, test.means, verdict(err), err)
				if err != nil {
					require.NotContains(t, err.Error(), "secret")
				}
			}
		})
	}
}

func TestExternalSendsVersions(t *testing.T) {
	t.Parallel()
	var got []string
	external := changes.NewExternal(serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var body any
		_ = json.NewDecoder(r.Body).Decode(&body)
		state, _ := json.Marshal(body)
		got = append(got, r.Method+" "+r.RequestURI+" "+string(state)+" "+r.Header.Get("Content-Type"))
	})))
	require.NoError(t, external.Put(t.Context(), cqrs.Key{PK: "ORDER#a c", SK: "1/2?x#y"}, 3, map[string]int{"total": 5}))
	require.NoError(t, external.Delete(t.Context(), key("ORDER", "1"), 4))
	require.Equal(t, []string{
		`PUT /ORDER/a%20c/1%2F2%3Fx%23y?version=3 {"total":5} application/json`,
		`DELETE /ORDER/acme/1?version=4 null `,
	}, got)
}

func TestExternalRefusesWhatItCannotSend(t *testing.T) {
	t.Parallel()
	_, external := newExternal(t)
	require.Equal(t, "permanent", verdict(external.Put(t.Context(), cqrs.Key{PK: "tea", SK: "1"}, 1, "state")))
	require.Equal(t, "permanent", verdict(external.Put(t.Context(), key("PRODUCT", "tea"), 1, func() {})))

	nobody := changes.NewExternal(http.DefaultClient, "")
	require.Equal(t, "skip", verdict(nobody.Put(t.Context(), key("PRODUCT", "tea"), 1, "state")))
	require.Equal(t, "skip", verdict(nobody.Delete(t.Context(), key("PRODUCT", "tea"), 1)))

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	require.Equal(t, "again", verdict(external.Put(ended, key("PRODUCT", "tea"), 1, "state")))
}

// The systems outside end with the newest, in whatever order it comes.
func TestSystemsOutsideKeepTheNewest(t *testing.T) {
	t.Parallel()
	type step struct {
		version int64
		delete  bool
		want    string
	}
	for name, test := range map[string]struct {
		steps []step
		left  externaltest.Document
	}{
		"older put":               {[]step{{2, false, "done"}, {1, false, "skip"}}, externaltest.Document{Version: 2, Body: json.RawMessage("2")}},
		"put again":               {[]step{{2, false, "done"}, {2, false, "skip"}}, externaltest.Document{Version: 2, Body: json.RawMessage("2")}},
		"older delete":            {[]step{{2, false, "done"}, {1, true, "skip"}}, externaltest.Document{Version: 2, Body: json.RawMessage("2")}},
		"delete of nothing":       {[]step{{1, true, "done"}}, externaltest.Document{Version: 1, Deleted: true}},
		"put after its delete":    {[]step{{2, true, "done"}, {2, false, "skip"}, {1, false, "skip"}}, externaltest.Document{Version: 2, Deleted: true}},
		"delete of what is there": {[]step{{2, false, "done"}, {2, true, "done"}, {2, true, "done"}}, externaltest.Document{Version: 2, Deleted: true}},
		"back again":              {[]step{{2, true, "done"}, {3, false, "done"}}, externaltest.Document{Version: 3, Body: json.RawMessage("3")}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			systems, external := newExternal(t)
			tea := key("PRODUCT", "tea/green")
			for _, s := range test.steps {
				var err error
				if s.delete {
					err = external.Delete(t.Context(), tea, s.version)
				} else {
					err = external.Put(t.Context(), tea, s.version, s.version)
				}
				require.Equal(t, s.want, verdict(err), s)
			}
			require.Equal(t, map[cqrs.Key]externaltest.Document{tea: test.left}, systems.List())
		})
	}
}

func TestSystemsOutsideRefuseWhatTheyDoNotUnderstand(t *testing.T) {
	t.Parallel()
	systems := externaltest.NewServer()
	client, base := serve(t, systems)
	for _, test := range []struct {
		method, path string
		status       int
	}{
		{http.MethodPut, "/PRODUCT/acme?version=1", http.StatusBadRequest},
		{http.MethodPut, "/PRODUCT//tea?version=1", http.StatusBadRequest},
		{http.MethodPut, "/PRODUCT/acme/tea", http.StatusBadRequest},
		{http.MethodPut, "/PRODUCT/acme/tea?version=0", http.StatusBadRequest},
		{http.MethodPut, "/PRODUCT/acme/tea?version=1", http.StatusBadRequest}, // without a body
		{http.MethodGet, "/PRODUCT/acme/tea?version=1", http.StatusMethodNotAllowed},
	} {
		request, err := http.NewRequestWithContext(t.Context(), test.method, base+test.path, http.NoBody)
		require.NoError(t, err)
		response, err := client.Do(request)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		require.Equal(t, test.status, response.StatusCode, test)
	}
	require.Empty(t, systems.List())
}
