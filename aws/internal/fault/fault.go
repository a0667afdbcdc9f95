// Package fault is what the adapters have in common about calls that fail: which
// error AWS meant, when to call again where the SDK does not, and how to keep a
// secret out of an error's text.
package fault

import (
	"errors"
	"strings"

	"github.com/aws/smithy-go"
)

// Code returns AWS's name of the error, such as "TaskTimedOut"; "" where err did
// not come from AWS.
func Code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

// KMSThrottled reports whether the service was throttled by KMS on our behalf.
// Each service spells it in its own way (SQS also as KMS.ThrottlingException), and
// the SDK retries none of them.
func KMSThrottled(err error) bool {
	code := strings.ToLower(strings.ReplaceAll(Code(err), ".", ""))
	return strings.HasPrefix(code, "kmsthrottl")
}
