package shop

// KindUser is what the partition keys of users begin with.
const KindUser = "USER"

// User is an item of the user table.
type User struct {
	PK      string `dynamodbav:"pk"` // USER#tenant
	SK      string `dynamodbav:"sk"`
	Name    string `dynamodbav:"name"`
	Mail    string `dynamodbav:"mail"`
	Version int64  `dynamodbav:"version"`
}
