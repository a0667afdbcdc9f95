package readmodels

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/lambda-cqrs/cqrs"
)

// AnalyticsReader is what [AnalyticsAll] needs of a *s3.Client.
type AnalyticsReader interface {
	s3.ListObjectsV2APIClient
	GetObject(ctx context.Context, in *s3.GetObjectInput, opts ...func(*s3.Options)) (*s3.GetObjectOutput, error)
}

// AnalyticsAll reads all facts of a kind, each under the key of its version
// (cqrs.Key.At). A version that is there twice is an error.
func AnalyticsAll[A any](ctx context.Context, client AnalyticsReader, bucket, kind string) (map[cqrs.Key]Fact[A], error) {
	all := map[cqrs.Key]Fact[A]{}
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: aws.String(factPrefix(kind))})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("readmodels: list the analytics: %w", err)
		}
		for _, object := range page.Contents {
			fact, err := readFact[A](ctx, client, bucket, aws.ToString(object.Key))
			if err != nil {
				return nil, fmt.Errorf("readmodels: read %s: %w", aws.ToString(object.Key), err)
			}
			version := cqrs.Key{PK: fact.Kind + "#" + fact.Tenant, SK: fact.Key}.At(fact.Version)
			if _, twice := all[version]; twice {
				return nil, fmt.Errorf("readmodels: %s %s is there twice", version.PK, version.SK)
			}
			all[version] = fact
		}
	}
	return all, nil
}

func readFact[A any](ctx context.Context, client AnalyticsReader, bucket, key string) (fact Fact[A], err error) {
	object, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if err != nil {
		return fact, err
	}
	err = json.NewDecoder(object.Body).Decode(&fact)
	return fact, errors.Join(err, object.Body.Close())
}
