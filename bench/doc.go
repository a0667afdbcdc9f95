// Package bench compares this library with what a team writes without it:
// aws-lambda-go's events, encoding/json and attributevalue, on the same payloads
// in the same process. README.md says how to read and to repeat the comparison.
//
// A [Case] is one piece of work and the ways of doing it. The benchmarks, the
// program in cmd/report and the tests of the budgets all run the same cases.
package bench
