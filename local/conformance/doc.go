// Package conformance holds the local AWS to what AWS documents. All checks run
// through the real SDK clients against the local AWS or, with the flag -endpoint,
// against any other, such as AWS itself:
//
//	go test ./conformance -endpoint https://dynamodb.eu-west-1.amazonaws.com
//
// Those of DynamoDB and its streams also run against dynoxide, an independent
// implementation, as the referee that keeps the checks honest.
// integration/setup.sh fetches it; without it they are left out.
package conformance
