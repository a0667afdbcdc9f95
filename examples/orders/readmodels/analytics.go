package readmodels

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lambda-cqrs/cqrs"
)

// Fact is one version of an aggregate, as the analysts get it: a JSON object on a
// line of its own.
type Fact[A any] struct {
	Kind       string    `json:"kind"`
	Tenant     string    `json:"tenant"`
	Key        string    `json:"key"`
	Version    int64     `json:"version"`
	Deleted    bool      `json:"deleted"`
	At         time.Time `json:"at"` // when it was published, in milliseconds
	Attributes A         `json:"attributes"`
}

// AnalyticsClient is s3.Client's PutObject.
type AnalyticsClient interface {
	PutObject(ctx context.Context, in *s3.PutObjectInput, opts ...func(*s3.Options)) (*s3.PutObjectOutput, error)
}

// facts writes objects. What it says and where follows from the version alone, so
// to write one again is to change nothing.
type facts[A any] struct {
	client AnalyticsClient
	bucket string
}

// Analytics keeps one object for each version, a deletion among them, in the
// partitions that Athena and Spark know:
//
//	analytics/ORDER/dt=2026-01-02/tenant=acme/1001@3.json
//
// It is in order. That costs reading what a stream has not brought yet, but a
// snapshot target leaves out a version that a newer one has overtaken: which objects
// there are would depend on the order of deliveries. What cannot be written is parked
// at the third attempt, since nobody waits for it, and a [Caretaker] takes it up.
func Analytics[A any](client AnalyticsClient, bucket string) cqrs.SyncTarget[A] {
	return cqrs.Target(AnalyticsTarget, &facts[A]{client, bucket}, cqrs.Sequential(), cqrs.ParkAfter(3))
}

// Up implements cqrs.DataSyncHandler.
func (f *facts[A]) Up(ctx context.Context, cmd cqrs.Command[A]) error {
	kind, tenant, err := cut(cmd.Key)
	if err != nil {
		return err
	}
	fact := Fact[A]{kind, tenant, cmd.SK, cmd.Version, cmd.Deleted, cmd.UpdatedAt.UTC().Truncate(time.Millisecond), cmd.Attributes}
	text, err := json.Marshal(fact)
	if err != nil {
		return cqrs.Permanent(err)
	}
	_, err = f.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &f.bucket, Key: aws.String(fact.object()), Body: bytes.NewReader(append(text, '\n')),
		ContentType: aws.String("application/json"),
	})
	return err
}

// Down is Up: that an order was deleted is a fact like any other.
func (f *facts[A]) Down(ctx context.Context, cmd cqrs.Command[A]) error { return f.Up(ctx, cmd) }

// object is the key of the fact's object.
func (f *Fact[A]) object() string {
	return fmt.Sprintf("%sdt=%s/tenant=%s/%s@%d.json", factPrefix(f.Kind),
		f.At.Format(time.DateOnly), url.PathEscape(f.Tenant), url.PathEscape(f.Key), f.Version)
}

func factPrefix(kind string) string { return "analytics/" + url.PathEscape(kind) + "/" }
