package lambda

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/lambda-cqrs/cqrs/internal/runtimeapi"
	"github.com/lambda-cqrs/cqrs/local/internal/pattern"
)

// MappingConfig is an event source mapping. The zero value of a field is AWS's
// default, except that a mapping invokes one batch at a time.
type MappingConfig struct {
	Source        string        // the ARN of a queue or a stream
	BatchSize     int           // records; 10 for queues, 100 for streams
	Window        time.Duration // to gather a batch in, up to 5 minutes
	Filters       []string      // patterns; a record that matches none is dropped
	ReportPartial bool          // ReportBatchItemFailures; without it, batchItemFailures is ignored
	Parallel      int           // batches of a queue at a time
	MaxRetries    *int          // of a stream's batch; nil: until its records expire
	MaxAge        time.Duration // of a stream's records; 0: until they expire
	Bisect        bool          // a stream's batch that failed is split in two
	OnFailure     string        // the ARN that a stream's abandoned batches are reported to
	Latest        bool          // a stream is read from now on, rather than from its first record
}

func (c *MappingConfig) isQueue() bool { return strings.HasPrefix(c.Source, "arn:aws:sqs:") }
func (c *MappingConfig) isStream() bool {
	return strings.HasPrefix(c.Source, "arn:aws:dynamodb:") && strings.Contains(c.Source, "/stream/")
}

// mapping polls one source for one function.
type mapping struct {
	service  *Service
	function *Function
	id       string
	config   MappingConfig
	filters  []*pattern.Pattern
	cancel   context.CancelFunc
	ended    sync.WaitGroup
}

// Map starts to poll a source for the function, and returns the mapping's id.
func (s *Service) Map(f *Function, config MappingConfig) (id string, err error) {
	m, err := s.addMapping(f, config)
	if err != nil {
		return "", err
	}
	return m.id, nil
}

func (s *Service) addMapping(f *Function, config MappingConfig) (*mapping, error) {
	if err := s.checkMapping(f, &config); err != nil {
		return nil, err
	}
	m := &mapping{service: s, function: f, id: runtimeapi.NewRequestID(), config: config}
	for _, document := range config.Filters {
		filter, err := pattern.Parse([]byte(document))
		if err != nil {
			return nil, badParameter("Invalid filter pattern: %v", err)
		}
		m.filters = append(m.filters, filter)
	}
	ctx, cancel := context.WithCancel(s.options.Tasks.Context())
	m.cancel = cancel
	run := m.runQueue
	if config.isStream() {
		shards, err := s.positions(ctx, &config)
		if err != nil {
			cancel()
			return nil, badParameter("Stream not found: %s", config.Source)
		}
		run = func(ctx context.Context) { m.runStream(ctx, shards) }
	}
	s.mu.Lock()
	s.mappings[m.id] = m
	s.mu.Unlock()
	m.ended.Add(1)
	s.options.Tasks.Go(func(context.Context) {
		defer m.ended.Done()
		run(ctx)
	})
	return m, nil
}

// checkMapping completes the configuration with its defaults.
func (s *Service) checkMapping(f *Function, c *MappingConfig) error {
	switch {
	case c.isQueue():
		if err := s.checkQueueMapping(f, c); err != nil {
			return err
		}
	case c.isStream():
		if c.BatchSize == 0 {
			c.BatchSize = 100
		}
		if c.Parallel > 1 {
			return badParameter("the local runtime reads the shards of a stream in order: no more than one batch at a time")
		}
	default:
		return badParameter("the local runtime maps SQS queues and DynamoDB streams, not %q", c.Source)
	}
	c.Parallel = max(c.Parallel, 1)
	switch {
	case c.BatchSize < 1 || c.BatchSize > 10_000:
		return badParameter("the batch size is %d, but must be between 1 and 10000", c.BatchSize)
	case c.Window < 0 || c.Window > 5*time.Minute:
		return badParameter("the batching window is %v, but must be between 0 and 5 minutes", c.Window)
	case len(c.Filters) > 5:
		return badParameter("a mapping has up to 5 filters, not %d", len(c.Filters))
	case c.MaxRetries != nil && (*c.MaxRetries < 0 || *c.MaxRetries > 10_000):
		return badParameter("the maximum of retries is %d, but must be between 0 and 10000", *c.MaxRetries)
	}
	return nil
}

func (s *Service) checkQueueMapping(f *Function, c *MappingConfig) error {
	if c.BatchSize == 0 {
		c.BatchSize = 10
	}
	visibility, err := s.options.Queues.VisibilityTimeout(c.Source)
	fifo := strings.HasSuffix(c.Source, ".fifo")
	switch {
	case err != nil:
		return badParameter("the queue %s does not exist", c.Source)
	case visibility < f.config.Timeout:
		return badParameter("Queue visibility timeout: %v is less than Function timeout: %v", visibility, f.config.Timeout)
	case fifo && (c.BatchSize > 10 || c.Window > 0):
		return badParameter("a mapping of a FIFO queue has batches of up to 10, and no window")
	case c.BatchSize > 10 && c.Window < time.Second:
		return badParameter("a batch size of %d needs a batching window of at least 1 second", c.BatchSize)
	case c.MaxRetries != nil || c.MaxAge != 0 || c.Bisect || c.OnFailure != "" || c.Latest:
		return badParameter("retries, age, bisecting, destination and position are for streams; a queue has its redrive policy")
	}
	return nil
}

// stop returns when the mapping has ended.
func (m *mapping) stop() {
	m.cancel()
	m.ended.Wait()
}

// matches reports whether a record passes the filters, any of which is enough.
func (m *mapping) matches(document any) bool {
	return len(m.filters) == 0 || slices.ContainsFunc(m.filters, func(p *pattern.Pattern) bool { return p.Match(document) })
}

// failedItems are the identifiers that a function reports of a batch. all is
// true where everything failed: an answer that is no JSON, or an identifier that
// is empty or unknown. See
// https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html#services-sqs-batchfailurereporting
func failedItems(answer []byte, known func(id string) bool) (ids map[string]bool, all bool) {
	var response struct {
		Failures []struct {
			ID *string `json:"itemIdentifier"`
		} `json:"batchItemFailures"`
	}
	if len(answer) == 0 {
		return nil, false
	}
	if err := json.Unmarshal(answer, &response); err != nil {
		return nil, true
	}
	ids = make(map[string]bool)
	for _, failure := range response.Failures {
		if failure.ID == nil || *failure.ID == "" || !known(*failure.ID) {
			return nil, true
		}
		ids[*failure.ID] = true
	}
	return ids, false
}

// invoke runs a batch. Everything failed where the function did, or where the
// invocation was throttled.
func (m *mapping) invoke(
	ctx context.Context, records []json.RawMessage, known func(id string) bool,
) (failures map[string]bool, all bool, result Result) {
	payload, err := json.Marshal(map[string][]json.RawMessage{"Records": records})
	if err != nil {
		return nil, true, failed("", "Runtime.InvalidEvent", fmt.Sprintf("encoding the batch: %v", err))
	}
	in := Invocation{Payload: payload, Source: describeSource(m.config.Source), Records: len(records)}
	if m.config.ReportPartial {
		in.Failures = func(answer []byte) int {
			if failures, all := failedItems(answer, known); !all {
				return len(failures)
			}
			return len(records)
		}
	}
	result, err = m.function.Invoke(ctx, in)
	switch {
	case err != nil:
		return nil, true, failed(result.RequestID, "Throttled", err.Error())
	case result.Error != nil:
		return nil, true, result
	case !m.config.ReportPartial:
		return nil, false, result
	}
	failures, all = failedItems(result.Payload, known)
	return failures, all, result
}
