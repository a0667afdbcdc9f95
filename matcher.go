package cqrs

import (
	"fmt"
	"slices"
	"strings"
)

// Matcher tells which records of a source a rule takes. The constructors make
// one; [And] joins several. Using a matcher for a source that it does not
// apply to panics when the rule is added.
type Matcher struct { //nolint:recvcheck // a value to its users, and not copied for each record
	kind        matcherKind
	name, value string
	all         []Matcher
}

type matcherKind uint8

const (
	matchNothing matcherKind = iota // the zero Matcher: refused
	matchAny
	matchAll
	matchOrigin
	matchField
	matchKeyPrefix
	matchKeySuffix
	matchEventName
	matchPKPrefix
	matchExpired
	matchDetail
	matchType
)

// Any takes every record of the source.
func Any() Matcher { return Matcher{kind: matchAny} }

// And takes what all of the matchers take.
func And(all ...Matcher) Matcher {
	if len(all) == 0 {
		panic("cqrs: And needs at least one matcher")
	}
	return Matcher{kind: matchAll, all: all}
}

// Queue takes the messages of an SQS queue, given by name or ARN.
func Queue(nameOrARN string) Matcher { return origin("Queue", nameOrARN) }

// Topic takes the messages of an SNS topic, given by name or ARN.
func Topic(nameOrARN string) Matcher { return origin("Topic", nameOrARN) }

// Stream takes the records of a Kinesis stream, given by name or ARN.
func Stream(nameOrARN string) Matcher { return origin("Stream", nameOrARN) }

// Table takes the changes of a DynamoDB table, given by name or by the ARN of
// its stream.
func Table(nameOrARN string) Matcher { return origin("Table", nameOrARN) }

// Bucket takes the events of an S3 bucket, given by name or ARN.
func Bucket(nameOrARN string) Matcher { return origin("Bucket", nameOrARN) }

func origin(kind, nameOrARN string) Matcher {
	return Matcher{kind: matchOrigin, name: kind, value: given(kind, nameOrARN)}
}

// TypeField takes messages whose JSON object has a top-level member of exactly
// that name with exactly that string as its value: the body of SQS, the message
// of SNS, the data of Kinesis, the detail of EventBridge, a string attribute of
// a DynamoDB item.
func TypeField(name, value string) Matcher {
	return Matcher{kind: matchField, name: given("TypeField", name), value: value}
}

// KeyPrefix takes S3 events whose decoded key starts with prefix.
func KeyPrefix(prefix string) Matcher {
	return Matcher{kind: matchKeyPrefix, value: given("KeyPrefix", prefix)}
}

// KeySuffix takes S3 events whose decoded key ends with suffix.
func KeySuffix(suffix string) Matcher {
	return Matcher{kind: matchKeySuffix, value: given("KeySuffix", suffix)}
}

// EventName takes S3 events whose name starts with prefix, for instance
// "ObjectCreated:". Notifications leave out the "s3:" of the configuration, so
// it may be left out here.
func EventName(prefix string) Matcher {
	return Matcher{kind: matchEventName, value: given("EventName", strings.TrimPrefix(prefix, "s3:"))}
}

// PKPrefix takes DynamoDB records whose key attribute pk (or PK) is a string
// that starts with prefix.
func PKPrefix(prefix string) Matcher {
	return Matcher{kind: matchPKPrefix, value: given("PKPrefix", prefix)}
}

// Expired takes the removals of DynamoDB items whose time to live had passed.
func Expired() Matcher { return Matcher{kind: matchExpired} }

// DetailType takes EventBridge events of that source and detail-type.
func DetailType(source, detailType string) Matcher {
	return Matcher{kind: matchDetail, name: given("DetailType", source), value: given("DetailType", detailType)}
}

func given(constructor, text string) string {
	if text == "" {
		panic("cqrs: " + constructor + " needs text that is not empty")
	}
	return text
}

// String is the matcher as Go code. Matchers that take the same records by the
// same conditions have the same text, whatever their order in And.
func (m Matcher) String() string {
	switch m.kind {
	case matchAny:
		return "Any()"
	case matchAll:
		parts := m.flat(nil)
		slices.Sort(parts)
		return "And(" + strings.Join(slices.Compact(parts), ", ") + ")"
	case matchOrigin:
		return fmt.Sprintf("%s(%q)", m.name, m.value)
	case matchField:
		return fmt.Sprintf("TypeField(%q, %q)", m.name, m.value)
	case matchKeyPrefix:
		return fmt.Sprintf("KeyPrefix(%q)", m.value)
	case matchKeySuffix:
		return fmt.Sprintf("KeySuffix(%q)", m.value)
	case matchEventName:
		return fmt.Sprintf("EventName(%q)", m.value)
	case matchPKPrefix:
		return fmt.Sprintf("PKPrefix(%q)", m.value)
	case matchExpired:
		return "Expired()"
	case matchDetail:
		return fmt.Sprintf("DetailType(%q, %q)", m.name, m.value)
	case matchType:
		return fmt.Sprintf("type %q", m.value)
	default:
		return "Matcher{}"
	}
}

func (m Matcher) flat(parts []string) []string {
	for _, part := range m.all {
		if part.kind == matchAll {
			parts = part.flat(parts)
		} else {
			parts = append(parts, part.String())
		}
	}
	return parts
}

// appliesTo reports whether records of the source have what m looks at.
func (m Matcher) appliesTo(source Source) bool {
	switch m.kind {
	case matchAny:
		return true
	case matchAll:
		return !slices.ContainsFunc(m.all, func(part Matcher) bool { return !part.appliesTo(source) })
	case matchOrigin:
		return m.name == map[Source]string{
			SourceSQS: "Queue", SourceSNS: "Topic", SourceKinesis: "Stream",
			SourceDynamoDB: "Table", SourceS3: "Bucket",
		}[source]
	case matchField:
		return source != SourceS3 && source != SourceStepFunctions
	case matchKeyPrefix, matchKeySuffix, matchEventName:
		return source == SourceS3
	case matchPKPrefix, matchExpired:
		return source == SourceDynamoDB
	case matchDetail:
		return source == SourceEventBridge
	case matchType:
		return source == SourceStepFunctions
	default:
		return false
	}
}

// fields appends the member names that TypeField looks at.
func (m Matcher) fields(names []string) []string {
	if m.kind == matchField && !slices.Contains(names, m.name) {
		names = append(names, m.name)
	}
	for _, part := range m.all {
		names = part.fields(names)
	}
	return names
}

// subject is what matchers look at in one record.
type subject struct {
	source      Source
	name, arn   string // of the queue, topic, stream, table or bucket
	text        string // the JSON that TypeField looks into
	key         string // the decoded key of an S3 object
	eventName   string
	detail, typ string // EventBridge's source and detail-type; Step Functions' type
	item        *DynamoDBRecord

	members memberReader // of text
	err     error        // text is not JSON, or says two things at once
	// doubtful: err was found behind what the rules have looked at.
	doubtful bool
}

func (m *Matcher) matches(s *subject) bool {
	switch m.kind {
	case matchAny:
		return true
	case matchAll:
		for i := range m.all {
			if !m.all[i].matches(s) {
				return false
			}
		}
		return true
	case matchOrigin:
		return m.value == s.name || m.value == s.arn
	case matchField:
		if s.item != nil {
			return s.item.image().Text(m.name) == m.value
		}
		return s.field(m.name, m.value)
	case matchKeyPrefix:
		return strings.HasPrefix(s.key, m.value)
	case matchKeySuffix:
		return strings.HasSuffix(s.key, m.value)
	case matchEventName:
		return strings.HasPrefix(s.eventName, m.value)
	case matchPKPrefix:
		return strings.HasPrefix(s.pk(), m.value)
	case matchExpired:
		return s.item.ExpiredByTTL()
	case matchDetail:
		return s.detail == m.name && s.typ == m.value
	case matchType:
		return s.typ == m.value
	default:
		return false
	}
}

func (s *subject) pk() string {
	if pk := s.item.Keys.Text("pk"); pk != "" {
		return pk
	}
	return s.item.Keys.Text("PK")
}

// look says which members of the text any rule looks at.
func (s *subject) look(names []string) { s.members = memberReader{names: names} }

// field reports whether the member is a string of that value. The text is read
// once for all rules, and no further than to the members that they look at; a
// rule that matches must see to the rest.
func (s *subject) field(name, value string) bool {
	if s.err != nil {
		return false
	}
	m, err := s.members.find(s.text, name)
	s.err = err
	return err == nil && m.isText && m.text == value
}

// finish reads what no rule has looked at so far of a text that one has begun.
func (s *subject) finish() {
	if s.err == nil {
		s.err = s.members.finish()
		s.doubtful = s.err != nil
	}
}

// unrouted is the error for a record that no rule takes.
func (s *subject) unrouted(rules int) error {
	what, by, value := "", "", s.name
	switch s.source {
	case SourceSQS:
		what, by = "an SQS message", "queue"
	case SourceSNS:
		what, by = "an SNS message", "topic"
	case SourceDynamoDB:
		what, by, value = "a change of a DynamoDB item", "operation and table", s.eventName+" of "+s.name
	case SourceKinesis:
		what, by = "a Kinesis record", "stream"
	case SourceEventBridge:
		what, by, value = "an EventBridge event", "source and detail-type", s.detail+", "+s.typ
	case SourceStepFunctions:
		what, by, value = "a Step Functions task", "type", s.typ
	case SourceS3:
		what, by, value = "an S3 event", "event name and bucket", s.eventName+" of "+s.name
	}
	return describe(ErrUnrouted, "cqrs: unrouted: none of %d rules takes %s with the %s %q", rules, what, by, value)
}
