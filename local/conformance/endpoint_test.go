package conformance_test

import "flag"

var endpoint = flag.String("endpoint", "", "another `URL` to test, with AWS_REGION and the AWS_ credentials of the environment")
