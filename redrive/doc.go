// Package redrive brings back what failed for good: it lists failures in groups,
// delivers one, a group or all of them again, and keeps account of who did it.
//
// Failures get into a [Store] by cqrs.StoreFailures, the handler for dead letters.
// There a failure is
//
//	Open ─▶ Replaying ─▶ Replayed ─▶ (fails again) Open
//	  └──▶ Discarded
//
// A replay is claimed before it is sent, so two people who press the button at the
// same time send it once. One that stays in Replaying was interrupted; it may have
// been sent or not, and only [Replay.Uncertain] sends it again. The handlers'
// idempotency decides then whether it does anything.
//
// The package is free of any storage and any SDK: sqlstore implements [Store],
// aws/sqsqueue implements [Sender], and package conformance checks a store.
package redrive
