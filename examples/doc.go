// Package examples is the module of the runnable programs, one to a directory
// below this one. Each needs nothing but Go, and runs from the root of the
// repository with
//
//	go run ./examples/<name>
package examples
