package app_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/examples/orders/app"
)

// settings are those of a shop whose every variable is "the NAME".
func settings(t *testing.T) app.Settings {
	t.Helper()
	s, err := app.SettingsFrom(func(name string) string { return "the " + name })
	require.NoError(t, err)
	return s
}

func TestSettings(t *testing.T) {
	t.Parallel()
	require.Equal(t, app.Settings{
		Stage: "the STAGE", Prefix: "the TABLE_PREFIX", UserTable: "the USER_TABLE", InventoryTable: "the INVENTORY_TABLE",
		PaymentTable: "the PAYMENT_TABLE", DocumentTable: "the DOCUMENT_TABLE", SearchTable: "the SEARCH_TABLE",
		CacheTable: "the CACHE_TABLE", SyncTable: "the SYNC_TABLE", IdempotencyTable: "the IDEMPOTENCY_TABLE",
		Files: "the FILES_BUCKET", Analytics: "the ANALYTICS_BUCKET", Notifications: "the NOTIFICATION_QUEUE_URL",
		DeadLetters: "the DEAD_LETTER_QUEUE_URL", AlarmTopic: "the ALARM_TOPIC_ARN", OrderMachine: "the ORDER_MACHINE_ARN",
		Database: "the DATABASE_URL", External: "the EXTERNAL_URL", Outbox: "the OUTBOX", Sender: "the MAIL_FROM",
	}, settings(t))
	s := app.Settings{Prefix: "shop"}
	require.Equal(t, "shop-order-command", s.OrderTables().Command)
	require.Equal(t, "shop-product-data", s.ProductTables().Data)
}

// TestSettingsThatAreMissing are named, each of them and no others.
func TestSettingsThatAreMissing(t *testing.T) {
	t.Parallel()
	optional := map[string]bool{"EXTERNAL_URL": true, "OUTBOX": true}
	for _, missing := range app.Variables() {
		_, err := app.SettingsFrom(func(name string) string { return strings.TrimPrefix(name, missing) })
		if optional[missing] {
			require.NoError(t, err)
			continue
		}
		require.EqualError(t, err, missing+" is not set")
	}
	_, err := app.FromEnvironment() // of a test, which has none of them
	require.Error(t, err)
	for _, name := range app.Variables() {
		require.Equal(t, !optional[name], strings.Contains(err.Error(), name+" is not set"), "%s: %v", name, err)
	}
}
