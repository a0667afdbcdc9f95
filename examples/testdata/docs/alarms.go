package docs

import "github.com/aws/aws-sdk-go-v2/service/sns"

var (
	client   *sns.Client
	topicARN string
)
