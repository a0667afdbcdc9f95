// Package wire is what the services of the local runtime have in common: AWS's
// wire protocols, its errors and ARNs, and messages on their way from one
// service to another.
package wire
