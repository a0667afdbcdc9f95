package s3

import (
	"encoding/xml"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/lambda-cqrs/cqrs/internal/runtimeapi"
	"github.com/lambda-cqrs/cqrs/local/internal/wire"
)

// configuration says who is told of what happens in a bucket.
type configuration struct {
	XMLName     xml.Name      `xml:"NotificationConfiguration"`
	Queues      []destination `xml:"QueueConfiguration"`
	Topics      []destination `xml:"TopicConfiguration"`
	Functions   []destination `xml:"CloudFunctionConfiguration"`
	EventBridge *struct{}     `xml:"EventBridgeConfiguration"`
}

// destination has one of the three ARNs.
type destination struct {
	ID       string      `xml:"Id"`
	Queue    string      `xml:"Queue,omitempty"`
	Topic    string      `xml:"Topic,omitempty"`
	Function string      `xml:"CloudFunction,omitempty"`
	Events   []string    `xml:"Event"`
	Rules    []keyFilter `xml:"Filter>S3Key>FilterRule,omitempty"`
}

type keyFilter struct {
	Name  string `xml:"Name"`
	Value string `xml:"Value"`
}

func (d *destination) arn() string { return d.Queue + d.Topic + d.Function }

// wants reports whether an event such as "ObjectCreated:Put" is to be told.
func (d *destination) wants(name, key string) bool {
	for _, rule := range d.Rules {
		switch strings.ToLower(rule.Name) {
		case "prefix":
			if !strings.HasPrefix(key, rule.Value) {
				return false
			}
		default:
			if !strings.HasSuffix(key, rule.Value) {
				return false
			}
		}
	}
	return slices.ContainsFunc(d.Events, func(wanted string) bool {
		kind, all := strings.CutSuffix(strings.TrimPrefix(wanted, "s3:"), "*")
		return kind == name || all && strings.HasPrefix(name, kind)
	})
}

func (c *configuration) destinations() []destination {
	return slices.Concat(c.Queues, c.Topics, c.Functions)
}

func (c *configuration) check() error {
	for i, d := range c.destinations() {
		if len(d.Events) == 0 || d.arn() == "" {
			return wire.Invalid("MalformedXML", "notification %d has no events or no destination", i)
		}
		for _, name := range d.Events {
			if !strings.HasPrefix(name, "s3:ObjectCreated:") && !strings.HasPrefix(name, "s3:ObjectRemoved:") {
				return wire.Invalid("InvalidArgument", "the local runtime does not support the event %s", name)
			}
		}
		for _, rule := range d.Rules {
			if name := strings.ToLower(rule.Name); name != "prefix" && name != "suffix" {
				return wire.Invalid("InvalidArgument", "filter rule name must be either prefix or suffix, not %s", rule.Name)
			}
		}
	}
	return nil
}

// putNotification sends a test event to each queue and topic before it takes the
// configuration.
func (s *Server) putNotification(w http.ResponseWriter, r *http.Request) {
	bucket := bucketOf(r)
	if !s.exists(bucket) {
		fail(w, noSuchBucket(bucket))
		return
	}
	var c configuration
	body, err := io.ReadAll(r.Body)
	if err == nil {
		err = xml.Unmarshal(body, &c)
	}
	if err != nil {
		fail(w, wire.Invalid("MalformedXML", "%v", err))
		return
	}
	if err := c.check(); err != nil {
		fail(w, err)
		return
	}
	for _, list := range [][]destination{c.Queues, c.Topics, c.Functions} {
		for i := range list {
			if list[i].ID == "" {
				list[i].ID = runtimeapi.NewRequestID()
			}
		}
	}
	for _, d := range slices.Concat(c.Queues, c.Topics) {
		test := encode(map[string]string{
			"Service": "Amazon S3", "Event": "s3:TestEvent", "Time": s.now(), "Bucket": bucket,
			"RequestId": runtimeapi.NewRequestID(), "HostId": "local",
		})
		if err := s.options.Deliver(r.Context(), d.arn(), wire.Message{Body: test, Subject: subject}); err != nil {
			fail(w, wire.Invalid("InvalidArgument", "Unable to validate the following destination configurations: %s: %v", d.arn(), err))
			return
		}
	}
	s.mu.Lock()
	s.notifications[bucket] = c
	s.mu.Unlock()
	w.WriteHeader(http.StatusOK)
}

func (s *Server) getNotification(w http.ResponseWriter, r *http.Request) {
	bucket := bucketOf(r)
	if !s.exists(bucket) {
		fail(w, noSuchBucket(bucket))
		return
	}
	s.mu.Lock()
	c := s.notifications[bucket]
	s.mu.Unlock()
	body, err := xml.Marshal(c)
	if err != nil {
		fail(w, err)
		return
	}
	wire.Write(w, "application/xml", http.StatusOK, body)
}

// AddFunction adds a function to the notifications of a bucket.
func (s *Server) AddFunction(bucket, function string, events []string, prefix, suffix string) error {
	d := destination{ID: runtimeapi.NewRequestID(), Function: function, Events: events}
	for name, value := range map[string]string{"prefix": prefix, "suffix": suffix} {
		if value != "" {
			d.Rules = append(d.Rules, keyFilter{name, value})
		}
	}
	if !s.exists(bucket) {
		return noSuchBucket(bucket)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.notifications[bucket]
	c.Functions = append(slices.Clone(c.Functions), d)
	if err := c.check(); err != nil {
		return err
	}
	s.notifications[bucket] = c
	return nil
}

func noSuchBucket(bucket string) error {
	return &wire.Error{Code: "NoSuchBucket", Message: "The specified bucket does not exist: " + bucket, Status: http.StatusNotFound}
}

func (s *Server) exists(bucket string) bool {
	return s.head(bucket, object{}).Code == http.StatusOK
}

func (s *Server) now() string { return s.options.Clock.Now().UTC().Format("2006-01-02T15:04:05.000Z") }

// subject is that of S3's messages to topics.
const subject = "Amazon S3 Notification"

// seconds is the time in EventBridge's events.
func (s *Server) seconds() time.Time { return s.options.Clock.Now().Truncate(time.Second) }
