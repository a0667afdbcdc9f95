// Package lambdaevent tells which AWS event a Lambda payload is, and decodes its
// records into aws-lambda-go's types.
//
// [Detect] reads the whole payload once: it checks that it is JSON, decides on
// its shape, and cuts out the text of each record. The Decode functions then
// read one record each, so a record that is malformed fails alone. They go on
// behind a bad member to the end of the record, so that what identifies the
// record is known whichever of its members is bad.
//
// What is decoded equals what encoding/json makes of the same text, except that
//
//   - names are matched exactly, not case-insensitively;
//   - a duplicate name is an error in every object whose members are read here,
//     and so is a string that is not valid UTF-8;
//   - numbers of unknown type are json.Number, which loses nothing;
//   - a string that stands for nothing that a member can be (base64, a time, an
//     escaped key) is that record's error alone.
//
// Strings are cut out of the payload's text, which they keep alive. Nothing is
// written to after it was returned and nothing is shared, so all functions may
// be called in parallel. Errors name members and never quote their values.
package lambdaevent

import "github.com/lambda-cqrs/cqrs/internal/scan"

// maxDepth is the nesting that is followed. An item of DynamoDB alone may take
// 67 levels in its JSON, and a state machine may pass on the record around it.
const maxDepth = 2 * scan.MaxDepth
