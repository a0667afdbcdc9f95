package readmodels

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lambda-cqrs/cqrs"
)

// AnalyticsClient is what Analytics needs of a *s3.Client.
type AnalyticsClient interface {
	PutObject(ctx context.Context, in *s3.PutObjectInput, opts ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	DeleteObject(ctx context.Context, in *s3.DeleteObjectInput, opts ...func(*s3.Options)) (*s3.DeleteObjectOutput, error)
}

// parkAfter is how often the analysts' bucket may fail before a version is put aside:
// the other read models do not wait for it.
const parkAfter = 3

// Record is what a file for the analysts holds: the newest version of an aggregate.
type Record[A any] struct {
	Key        string `json:"key"`
	Tenant     string `json:"tenant"`
	Version    int64  `json:"version"`
	Attributes A      `json:"attributes"`
}

// Analytics is the target "analytics": a file <KIND>/<tenant>/<key>.json for each
// aggregate that is not deleted. An object store has no condition on a version, so the
// gate is kept by the sync's own store.
func Analytics[A any](client AnalyticsClient, bucket string) cqrs.SyncTarget[A] {
	return cqrs.Target("analytics", &files[A]{client, bucket}, cqrs.ParkAfter(parkAfter))
}

type files[A any] struct {
	client AnalyticsClient
	bucket string
}

// Up writes the file.
func (f *files[A]) Up(ctx context.Context, c cqrs.Command[A]) error {
	text, err := json.Marshal(Record[A]{c.SK, c.TenantCode, c.Version, c.Attributes})
	if err != nil {
		return cqrs.Permanent(err)
	}
	_, err = f.client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: &f.bucket, Key: aws.String(fileName(c.Key)), Body: bytes.NewReader(text), ContentType: aws.String("application/json"),
	})
	return err
}

// Down removes the file.
func (f *files[A]) Down(ctx context.Context, c cqrs.Command[A]) error {
	_, err := f.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &f.bucket, Key: aws.String(fileName(c.Key))})
	return err
}

func fileName(k cqrs.Key) string {
	return strings.ReplaceAll(k.PK, "#", "/") + "/" + k.SK + ".json"
}

// AnalyticsReader is what ReadAnalytics needs of a *s3.Client.
type AnalyticsReader interface {
	s3.ListObjectsV2APIClient
	GetObject(ctx context.Context, in *s3.GetObjectInput, opts ...func(*s3.Options)) (*s3.GetObjectOutput, error)
}

// ReadAnalytics reads the files of a partition, by sort key.
func ReadAnalytics[A any](ctx context.Context, client AnalyticsReader, bucket, partition string) (map[string]Record[A], error) {
	all := map[string]Record[A]{}
	prefix := strings.ReplaceAll(partition, "#", "/") + "/"
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, object := range page.Contents {
			var r Record[A]
			file, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: object.Key})
			if err != nil {
				return nil, err
			}
			text, err := io.ReadAll(file.Body)
			_ = file.Body.Close()
			if err == nil {
				err = json.Unmarshal(text, &r)
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", *object.Key, err)
			}
			all[strings.TrimSuffix(path.Base(*object.Key), ".json")] = r
		}
	}
	return all, nil
}
