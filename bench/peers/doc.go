// Package peers compares this library with what others write Lambda functions
// with: Node by hand, Powertools for AWS Lambda (TypeScript), and the reference
// system. README.md has the tables and says how to repeat them.
//
// The package itself has what both sides share: the payloads, and the [Scenarios]
// in which something goes wrong. The Node functions are in the directory node, and
// cmd/compare runs everything.
package peers
