package app

import (
	"errors"
	"fmt"
	"os"
)

// Settings are the names that the function finds in its environment. template.yaml
// has the same ones, under Environment.
type Settings struct {
	Stage string // of the alarms, such as "production"

	Prefix           string // of the command, data and history tables: <prefix>-order-command
	UserTable        string
	InventoryTable   string
	PaymentTable     string
	DocumentTable    string
	SearchTable      string
	CacheTable       string
	SyncTable        string
	IdempotencyTable string

	Files     string // the bucket that files are uploaded to
	Analytics string // the bucket that the analysts read

	Notifications string // the URL of the queue
	DeadLetters   string // the URL of its dead-letter queue
	AlarmTopic    string // an ARN
	OrderMachine  string // the ARN of the state machine ORDER_PROCESS

	Database string // postgres://… or a file for SQLite
	External string // the base URL of the systems that follow; none where empty
	Outbox   string // a directory for mail and messages; empty: SES and SNS
	Sender   string // the address that mail comes from
}

// variables pairs each setting with its name in the environment.
func (s *Settings) variables() []variable {
	return []variable{
		{"STAGE", &s.Stage, true},
		{"TABLE_PREFIX", &s.Prefix, true},
		{"USER_TABLE", &s.UserTable, true},
		{"INVENTORY_TABLE", &s.InventoryTable, true},
		{"PAYMENT_TABLE", &s.PaymentTable, true},
		{"DOCUMENT_TABLE", &s.DocumentTable, true},
		{"SEARCH_TABLE", &s.SearchTable, true},
		{"CACHE_TABLE", &s.CacheTable, true},
		{"SYNC_TABLE", &s.SyncTable, true},
		{"IDEMPOTENCY_TABLE", &s.IdempotencyTable, true},
		{"FILES_BUCKET", &s.Files, true},
		{"ANALYTICS_BUCKET", &s.Analytics, true},
		{"NOTIFICATION_QUEUE_URL", &s.Notifications, true},
		{"DEAD_LETTER_QUEUE_URL", &s.DeadLetters, true},
		{"ALARM_TOPIC_ARN", &s.AlarmTopic, true},
		{"ORDER_MACHINE_ARN", &s.OrderMachine, true},
		{"DATABASE_URL", &s.Database, true},
		{"EXTERNAL_URL", &s.External, false},
		{"OUTBOX", &s.Outbox, false},
		{"MAIL_FROM", &s.Sender, true},
	}
}

type variable struct {
	name     string
	value    *string
	required bool
}

// FromEnvironment reads the settings of this process.
func FromEnvironment() (Settings, error) { return SettingsFrom(os.Getenv) }

// SettingsFrom reads the settings by their names. Its error names every one that is
// missing.
func SettingsFrom(lookup func(name string) string) (Settings, error) {
	var s Settings
	var missing []error
	for _, v := range s.variables() {
		*v.value = lookup(v.name)
		if v.required && *v.value == "" {
			missing = append(missing, fmt.Errorf("%s is not set", v.name))
		}
	}
	return s, errors.Join(missing...)
}

// Variables are the names of all settings.
func Variables() []string {
	vars := new(Settings).variables()
	names := make([]string, len(vars))
	for i, v := range vars {
		names[i] = v.name
	}
	return names
}
