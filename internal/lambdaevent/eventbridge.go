package lambdaevent

import "github.com/aws/aws-lambda-go/events"

// DecodeEventBridge reads an event of EventBridge. Its detail may be of any type:
// that of a schedule without an input is a string.
func DecodeEventBridge(raw string, event *events.EventBridgeEvent) error {
	r := newReader(raw)
	r.eventBridge(event)
	return r.end()
}

func (r *reader) eventBridge(event *events.EventBridgeEvent) {
	*event = events.EventBridgeEvent{}
	r.object(func(name string) {
		switch name {
		case "version":
			r.text(&event.Version)
		case "id":
			r.text(&event.ID)
		case "detail-type":
			r.text(&event.DetailType)
		case "source":
			r.text(&event.Source)
		case "account":
			r.text(&event.AccountID)
		case "time":
			r.time(&event.Time)
		case "region":
			r.text(&event.Region)
		case "resources":
			r.list(&event.Resources)
		case "detail":
			detail := "null"
			r.raw(&detail)
			event.Detail = []byte(detail)
		default:
			r.Skip()
		}
	})
}
