// Package body reads JSON bodies into Go values as encoding/json does, in one
// pass over the text.
//
// A type is read by a plan that is made once, from its fields and tags. What a
// plan cannot do, types that read themselves by json/v2's methods above all,
// goes through github.com/go-json-experiment/json with the options that give the
// same rules. Nobody can tell which of the two ran: they accept the same texts,
// give the same values, and whatever a plan refuses is read a second time by
// json/v2, so that the error is json/v2's too.
//
// # Differences from encoding/json
//
//   - Duplicate names are errors, also those that differ in case alone but fit
//     one field, also those that are one key of a map, and also in members that
//     nobody wants. So are strings that are not UTF-8, and escapes of half a
//     surrogate pair.
//   - Nesting deeper than [scan.MaxDepth] is an error.
//   - The target starts over from its zero value; nothing is merged into it, and
//     after an error it is zero.
//   - A type without a name that embeds one with a decoding method reads itself by
//     it also where no pointer leads to it.
//   - With the tag option "string" a quoted number is decimal: encoding/json also
//     takes 0x1p-2 and -Inf for a float, and anything at all for a json.Number. A
//     quoted string is a JSON string: encoding/json also takes the escape \' in it.
//   - An error says where and why, and never quotes the text.
package body
