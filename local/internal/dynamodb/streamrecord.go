package dynamodb

type (
	// streamRecord is a change as the API and, where it has an ARN, Lambda shows it.
	streamRecord struct {
		EventID      string     `json:"eventID"`
		EventName    string     `json:"eventName"`
		EventVersion string     `json:"eventVersion"`
		EventSource  string     `json:"eventSource"`
		Region       string     `json:"awsRegion"`
		Data         recordData `json:"dynamodb"`
		UserIdentity any        `json:"userIdentity,omitzero"`
		SourceARN    string     `json:"eventSourceARN,omitzero"`
	}
	recordData struct {
		Created        int64  `json:"ApproximateCreationDateTime"` // in seconds since 1970
		Keys           item   `json:"Keys"`
		NewImage       item   `json:"NewImage,omitzero"`
		OldImage       item   `json:"OldImage,omitzero"`
		SequenceNumber string `json:"SequenceNumber"`
		SizeBytes      int    `json:"SizeBytes"`
		StreamViewType string `json:"StreamViewType"`
	}
	// The API and Lambda spell the members differently.
	identity struct {
		Type        string `json:"Type"`
		PrincipalID string `json:"PrincipalId"`
	}
	lambdaIdentity struct {
		Type        string `json:"type"`
		PrincipalID string `json:"principalId"`
	}
)

// record shows a change at a position of its stream. For Lambda, it says where
// it is from.
func (s *Server) record(st *stream, c *change, at int64, lambda bool) streamRecord {
	r := streamRecord{
		EventID:      c.id,
		EventName:    c.event(),
		EventVersion: "1.1",
		EventSource:  "aws:dynamodb",
		Region:       s.options.Region,
		Data: recordData{
			Created:        c.at.Unix(),
			Keys:           c.keys,
			SequenceNumber: sequenceOf(at),
			StreamViewType: st.view,
		},
	}
	if st.view == viewNew || st.view == viewBoth {
		r.Data.NewImage = c.latest
	}
	if st.view == viewOld || st.view == viewBoth {
		r.Data.OldImage = c.old
	}
	r.Data.SizeBytes = c.keys.size() + r.Data.NewImage.size() + r.Data.OldImage.size()
	if lambda {
		r.SourceARN = st.arn
	}
	if c.expired {
		by := identity{Type: "Service", PrincipalID: "dynamodb.amazonaws.com"}
		if r.UserIdentity = by; lambda {
			r.UserIdentity = lambdaIdentity(by)
		}
	}
	return r
}
