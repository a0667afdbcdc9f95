// Package conformance holds the services of the local runtime to what AWS
// documents. Its tests run through the real SDK clients against several targets:
// the local runtime; the independent implementation dynoxide, as the referee that
// keeps the tests honest; and, with the flag -endpoint, any other, such as AWS
// itself:
//
//	go test ./conformance -endpoint https://dynamodb.eu-west-1.amazonaws.com
//
// The referee is a binary from npm, which the tests look for in the user's cache
// directory:
//
//	npm install --prefix ~/.cache/lambda-cqrs @dynoxide/linux-x64@1.2.1
package conformance
