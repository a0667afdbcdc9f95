package docs

type (
	SendNotification struct{ Recipient string }
	Payment          struct{ ID string }
	OrderCreated     struct{ ID string }
	OrderShipped     struct{ ID string }
	OrderProcess     struct{ ID string }
	Audited          struct{ ID string }
)

type CSVImport struct {
	Bucket, Key string
	Size        int64
}
