package lambdaevent

import (
	"fmt"
	"strings"

	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// Payload is an event as [Detect] found it.
type Payload struct {
	Kind Kind
	// Records are the JSON texts of the records, in order, each of them an object:
	// exactly one for EventBridge and StepFunctions, the payload itself, and none
	// for S3Test and Empty.
	Records []string
	// Window tells that the records are a part of a tumbling window, which wants
	// its state back.
	Window bool
	// State is the state of the window as JSON text, "{}" where it has none yet.
	State string
}

// Detect tells which event a payload is. Names are matched exactly, since in a
// payload of any other spelling somebody else's data would be taken for AWS's.
// The order is: Records, EventBridge, S3 test event, Step Functions. The error
// is a
//
//   - [*scan.SyntaxError] where the text is not valid JSON;
//   - [*DuplicateError] where a name occurs twice at the top level;
//   - [*MixedError] where the records have different event sources;
//   - [*UnrecognisedError] where the text is valid JSON, but no event.
func Detect(text string) (Payload, error) {
	d := detector{Scanner: scan.NewDepth(text, maxDepth), text: text}
	kind := d.Kind()
	start := d.Pos()
	if kind == scan.Object {
		d.payload()
	} else {
		d.Skip()
	}
	end := d.Pos()
	if err := d.End(); err != nil {
		return Payload{}, err
	}
	if kind != scan.Object {
		return Payload{}, &UnrecognisedError{Reason: kind.String() + expected}
	}
	return d.decide(strings.Trim(text[start:end], space))
}

// detector is one pass over a payload. It notes what the decision needs.
type detector struct {
	scan.Scanner

	text      string
	names     names
	duplicate *DuplicateError

	has     facts
	records recordList
	state   string
}

// facts are what the top level of a payload has.
type facts struct {
	records, window, other         bool // other: what never stands beside Records
	requestContext                 bool
	detailType, source, detail     bool
	service, testEvent             bool
	taskToken, context, what, data bool // what: a string "type" or "kind"; data: "payload" or "input"
}

// payload reads the top level.
func (d *detector) payload() {
	d.Object()
	d.members()
}

// members reads what is left of the top level.
func (d *detector) members() {
	for {
		name, ok := d.Field()
		if !ok {
			return
		}
		if d.names.again(name) {
			if d.duplicate == nil {
				d.duplicate = &DuplicateError{Name: cut(name)}
			}
			d.Skip()
			continue
		}
		d.member(name)
	}
}

func (d *detector) member(name string) {
	switch name {
	case "Records":
		d.has.records = true
		d.records.read(&d.Scanner, d.text)
		return
	case "window":
		d.has.window = d.Kind() != scan.Null
		d.Skip()
		return
	case "state":
		if d.Kind() != scan.Null {
			d.state = strings.Trim(d.Value(), space)
			return
		}
		d.Skip()
		return
	case "shardId", "eventSourceARN", "isFinalInvokeForWindow", "isWindowTerminatedEarly":
		d.Skip()
		return
	}
	d.has.other = true
	kind := d.Kind()
	switch name {
	case "requestContext":
		d.has.requestContext = true
	case "detail-type":
		d.has.detailType = kind == scan.String
	case "source":
		d.has.source = kind == scan.String
	case "detail":
		d.has.detail = true
	case "Service":
		d.has.service = d.isText("Amazon S3")
		return
	case "Event":
		d.has.testEvent = d.isText("s3:TestEvent")
		return
	case "taskToken":
		d.has.taskToken = kind != scan.Null
	case "context":
		d.has.context = d.isContext()
		return
	case "type", "kind":
		d.has.what = d.has.what || kind == scan.String
	case "payload", "input":
		d.has.data = true
	}
	d.Skip()
}

// isText reads a value and reports whether it is this string.
func (d *detector) isText(want string) bool {
	text, ok := readText(&d.Scanner)
	return ok && text == want
}

// isContext reads a value and reports whether it is the context object of a
// state machine.
func (d *detector) isContext() bool {
	if d.Kind() != scan.Object {
		d.Skip()
		return false
	}
	found := false
	d.Object()
	for {
		name, ok := d.Field()
		if !ok {
			return found
		}
		found = found || name == "Execution" || name == "StateMachine"
		d.Skip()
	}
}

// decide says what the payload is, once all of it is known.
func (d *detector) decide(payload string) (Payload, error) {
	switch has := &d.has; {
	case d.duplicate != nil:
		return Payload{}, d.duplicate
	case has.records:
		return d.decideRecords()
	case has.detailType && has.source && has.detail:
		return Payload{Kind: EventBridge, Records: []string{payload}}, nil
	case has.service && has.testEvent:
		return Payload{Kind: S3Test}, nil
	case has.requestContext:
		return Payload{}, errHTTP
	case has.taskToken, has.context, has.what && has.data:
		return Payload{Kind: StepFunctions, Records: []string{payload}}, nil
	}
	return Payload{}, d.unknown()
}

func (d *detector) decideRecords() (Payload, error) {
	kind, err := d.records.decide()
	if err != nil {
		return Payload{}, err
	}
	if kind == Empty && d.has.other {
		return Payload{}, &UnrecognisedError{Reason: "an object with empty Records beside other members" + expected}
	}
	p := Payload{Kind: kind, Records: d.records.texts}
	p.window(d)
	return p, nil
}

// window notes the state that a tumbling window wants back.
func (p *Payload) window(d *detector) {
	if p.Window = d.has.window; !p.Window {
		return
	}
	p.State = "{}"
	if d.state != "" {
		p.State = d.state
	}
}

// errHTTP is made once, because it is the way of every request to a function
// that serves HTTP beside events.
var errHTTP = &UnrecognisedError{Reason: `an object with the member "requestContext", so an HTTP request` + expected}

// maxListed is the number of names that an error lists.
const maxListed = 8

func (d *detector) unknown() error {
	listed := d.names.list()
	if len(listed) == 0 {
		return &UnrecognisedError{Reason: "an empty object" + expected}
	}
	more := ""
	if d.names.count > maxListed {
		listed = listed[:maxListed]
		more = fmt.Sprintf(" and %d more", d.names.count-maxListed)
	}
	return &UnrecognisedError{Reason: "an object with the members " + strings.Join(quoted(listed), ", ") + more + expected}
}
