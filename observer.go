package cqrs

import (
	"context"
	"time"
)

// Observer is told what happens to records, for metrics and traces. Each hook
// may be nil. They are called from many goroutines at once; a panic in one is
// logged and changes nothing.
type Observer struct {
	// RecordStart comes before a record is transformed. The context that it
	// returns is the one that the factory and the handlers get.
	RecordStart func(ctx context.Context, m *Message) context.Context
	// RecordEnd comes when all is done for the record, with the context of
	// RecordStart.
	RecordEnd func(ctx context.Context, m *Message, r RecordResult)
	// BatchEnd comes before the invocation is answered.
	BatchEnd func(ctx context.Context, r BatchResult)
}

// RecordResult is what became of one record.
type RecordResult struct {
	Events       int   // that the factory made
	Skipped      int   // deliveries that ended with Skip
	Err          error // a *RecordError, nil where the record was handled
	DeadLettered bool  // it failed, and was acknowledged since the sink has it
	Duration     time.Duration
}

// BatchResult counts the records of one invocation.
type BatchResult struct {
	Source       Source
	Records      int
	Failed       int // run, and not acknowledged
	Unstarted    int // left for another delivery
	DeadLettered int
	Duration     time.Duration
}
