package notifications_test

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "50"); err != nil { // each has an AWS to talk to; the flag says otherwise
		panic(err)
	}
	goleak.VerifyTestMain(m)
}
