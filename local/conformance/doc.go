// Package conformance holds an AWS, local or other, to what this library relies
// on, through the clients that a program uses:
//
//	go test ./conformance
//	go test ./conformance -endpoint http://127.0.0.1:4566
//
// The names of the tests say what AWS does.
package conformance
