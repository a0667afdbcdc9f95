package catalog_test

import (
	"flag"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if err := flag.Set("rapid.checks", "30"); err != nil { // each has an AWS to talk to; the flag says otherwise
		panic(err)
	}
	goleak.VerifyTestMain(m)
}
