package dynamodb

import (
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/btree"
)

// timeToLive knows which items of a table expire when.
type timeToLive struct {
	attribute string // "" where time to live is off
	expiries  *btree.BTreeG[expiry]
}

type expiry struct {
	second int64 // since 1970
	at     position
}

func (e expiry) less(f expiry) bool {
	return e.second < f.second || e.second == f.second && e.at.compare(f.at) < 0
}

// An item whose time to live is further in the past does not expire, so that
// mistaken units do no harm.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/time-to-live-ttl-before-you-start.html
const oldestExpiry = 5 * 365 * 24 * time.Hour

// expiryOf is the whole second at which the item expires.
func (t *timeToLive) expiryOf(i item) (second int64, ok bool) {
	v := i[t.attribute]
	if t.attribute == "" || v.kind != kindNumber {
		return 0, false
	}
	whole, _, _ := strings.Cut(v.text, ".")
	second, err := strconv.ParseInt(whole, 10, 64)
	return second, err == nil && second > 0 && second < 1<<40
}

func (t *timeToLive) replace(at position, old, replacement item) {
	if second, ok := t.expiryOf(old); ok {
		t.expiries.Delete(expiry{second, at})
	}
	if second, ok := t.expiryOf(replacement); ok {
		t.expiries.Set(expiry{second, at})
	}
}

func (t *timeToLive) next() (expiry, bool) {
	if t.expiries == nil {
		return expiry{}, false
	}
	return t.expiries.Min()
}

// expire deletes the items that have expired, and lingered for as long as they
// shall.
func (s *Server) expire() {
	now := s.options.Now()
	due := now.Add(-s.options.Linger).Unix()
	for _, t := range s.tables {
		for {
			e, ok := t.ttl.next()
			if !ok || e.second > due {
				break
			}
			t.ttl.expiries.Delete(e)
			if old, _ := t.get(e.at); time.Unix(e.second, 0).After(now.Add(-oldestExpiry)) {
				s.replace(t, e.at, old, nil, true)
			}
		}
	}
	s.arm()
}

// arm has the timer fire when the next item is due.
func (s *Server) arm() {
	var next time.Time
	for _, t := range s.tables {
		if e, ok := t.ttl.next(); ok && !s.closed {
			if at := time.Unix(e.second, 0).Add(s.options.Linger); next.IsZero() || at.Before(next) {
				next = at
			}
		}
	}
	if next.Equal(s.armed) {
		return
	}
	if s.disarm != nil {
		s.disarm()
	}
	s.armed, s.disarm = next, nil
	if !next.IsZero() {
		s.disarm = s.options.At(next, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.armed, s.disarm = time.Time{}, nil
			s.expire()
		})
	}
}

type timeToLiveSpecification struct {
	AttributeName string `json:"AttributeName"`
	Enabled       bool   `json:"Enabled"`
}

type updateTimeToLiveInput struct {
	TableName     string                   `json:"TableName"`
	Specification *timeToLiveSpecification `json:"TimeToLiveSpecification"`
}

type updateTimeToLiveOutput struct {
	Specification *timeToLiveSpecification `json:"TimeToLiveSpecification"`
}

func (s *Server) updateTimeToLive(in *updateTimeToLiveInput) (*updateTimeToLiveOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.table(in.TableName)
	spec := in.Specification
	switch {
	case err != nil:
		return nil, err
	case spec == nil:
		return nil, missing("timeToLiveSpecification")
	case spec.AttributeName == "":
		return nil, missing("timeToLiveSpecification.attributeName")
	case spec.Enabled && t.ttl.attribute != "":
		return nil, invalid("TimeToLive is already enabled")
	case !spec.Enabled && t.ttl.attribute == "":
		return nil, invalid("TimeToLive is already disabled")
	case !spec.Enabled && spec.AttributeName != t.ttl.attribute:
		return nil, invalid("TimeToLive is active on a different AttributeName: current AttributeName is %s", t.ttl.attribute)
	}
	t.ttl = timeToLive{}
	if spec.Enabled {
		t.ttl = timeToLive{
			attribute: spec.AttributeName,
			expiries:  btree.NewBTreeGOptions(expiry.less, btree.Options{NoLocks: true}),
		}
		t.rows.Scan(func(r row) bool {
			t.ttl.replace(r.at, nil, r.item)
			return true
		})
	}
	s.expire()
	return &updateTimeToLiveOutput{spec}, nil
}

type describeTimeToLiveOutput struct {
	Description timeToLiveDescription `json:"TimeToLiveDescription"`
}

type timeToLiveDescription struct {
	AttributeName string `json:"AttributeName,omitzero"`
	Status        string `json:"TimeToLiveStatus"`
}

func (s *Server) describeTimeToLive(in *tableInput) (*describeTimeToLiveOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, err := s.table(in.TableName)
	if err != nil {
		return nil, err
	}
	status := "DISABLED"
	if t.ttl.attribute != "" {
		status = "ENABLED"
	}
	return &describeTimeToLiveOutput{timeToLiveDescription{t.ttl.attribute, status}}, nil
}
