// Package testdata holds one payload of each source and shape, as AWS sends it
// to a Lambda function, for tests and examples.
package testdata

import "embed"

// Samples are the payloads, each in a file <source>_<shape>.json.
//
//go:embed *.json
var Samples embed.FS
