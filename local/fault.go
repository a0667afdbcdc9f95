package local

import "github.com/lambda-cqrs/cqrs/local/internal/fault"

// Fault says which calls or deliveries go wrong, and how:
//
//	a.Inject(local.Fault{Service: "sqs", Operation: "SendMessage", Effect: local.LoseAnswer})
//	a.Inject(local.Fault{Target: "orders", Effect: local.Duplicate, Times: 3})
//
// The services are sqs, sns, s3, events, states, lambda, dynamodb and
// streams.dynamodb; operations have the names of AWS's API.
type Fault = fault.Fault

// Injection is a fault in force.
type Injection = fault.Injection

// Effect is what goes wrong.
type Effect = fault.Effect

// The effects. Delay and Duplicate serve deliveries too.
const (
	LoseAnswer    = fault.LoseAnswer    // the call takes effect, and the connection closes without an answer
	LoseRequest   = fault.LoseRequest   // the connection closes before the call takes effect
	Throttle      = fault.Throttle      // the service's own throttling error; no effect
	InternalError = fault.InternalError // status 500; no effect
	Delay         = fault.Delay         // by Fault.Delay, on the clock
	Duplicate     = fault.Duplicate     // of a delivery: it comes twice
)

// Inject puts a fault in force. The SDK's clients try a call again whose answer
// was lost or that was throttled.
func (a *AWS) Inject(f Fault) *Injection { return a.faults.Inject(f) }
