package shop

// Item is a row of a data table, as its stream shows it: the newest version of an
// aggregate that has been projected.
type Item[A any] struct {
	PK         string `dynamodbav:"pk"` // KIND#tenant
	SK         string `dynamodbav:"sk"`
	Version    int64  `dynamodbav:"version"`
	TenantCode string `dynamodbav:"tenantCode"`
	Deleted    bool   `dynamodbav:"isDeleted"`
	Attributes A      `dynamodbav:"attributes"`
}
