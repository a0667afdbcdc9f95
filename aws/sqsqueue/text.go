package sqsqueue

import (
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/lambda-cqrs/cqrs/aws/internal/clip"
)

// The limits of a message.
// https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/quotas-messages.html
const (
	maxMessage    = 1 << 20 // bytes of body and attributes
	maxAttributes = 10
	maxValue      = 256 // characters of an attribute of ours
)

// isAllowed reports whether SQS takes the character: those of XML 1.0.
// https://www.w3.org/TR/REC-xml/#charsets
func isAllowed(r rune) bool {
	return r == '\t' || r == '\n' || r == '\r' || r >= ' ' && r <= '\uD7FF' || r >= '\uE000' && r <= '\uFFFD' || r >= '\U00010000'
}

// safeJSON spells what SQS does not take in JSON's own way. It can only stand in
// strings, so the text means the same. What is not UTF-8 becomes U+FFFD.
func safeJSON(text string) string {
	text = strings.ToValidUTF8(text, "\uFFFD")
	if strings.IndexFunc(text, func(r rune) bool { return !isAllowed(r) }) < 0 {
		return text
	}
	var b strings.Builder
	for _, r := range text {
		if isAllowed(r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, `\u%04x`, r)
		}
	}
	return b.String()
}

// textAttribute is an attribute for people and filters; ok is false where there
// is nothing to say.
func textAttribute(text string) (value types.MessageAttributeValue, ok bool) {
	text = strings.Map(func(r rune) rune {
		if !isAllowed(r) || r < ' ' {
			return -1
		}
		return r
	}, text)
	text = clip.Characters(text, maxValue)
	return types.MessageAttributeValue{DataType: aws.String("String"), StringValue: aws.String(text)}, text != ""
}

func sizeOf(body string, attributes map[string]types.MessageAttributeValue) int {
	size := len(body)
	for name, value := range attributes {
		size += len(name) + len(aws.ToString(value.DataType)) + len(aws.ToString(value.StringValue)) + len(value.BinaryValue)
	}
	return size
}
