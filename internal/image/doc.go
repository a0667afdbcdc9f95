// Package image converts items in DynamoDB's JSON, such as
// {"pk":{"S":"ORDER#1"},"total":{"N":"12.5"}}, to Go values and back, without
// any AWS SDK.
//
// It follows the rules of the SDK's feature/dynamodb/attributevalue with its
// default options: the tag `dynamodbav` and all of its options, embedded
// structs, exact names before case-insensitive ones, RFC 3339 and Unix times.
// A field without that tag takes its name and options from the tag `json`.
//
// # Differences
//
// Reading is strict where attributevalue guesses, loses or panics:
//
//   - A number is a JSON number of at most 38 significant digits and an exponent
//     within ±130, which is looked at as text before anything parses it. Into an
//     any it goes as json.Number, a set of numbers as []json.Number.
//   - Duplicate attribute names, an attribute with no type, several types or an
//     unknown one, strings that are not UTF-8, base64 other than padded and
//     canonical, more than [MaxDepth] nested lists and maps, and two attributes
//     that fit one field or map key: all are errors, also in attributes that the
//     target does not have.
//   - Where an exact and a case-insensitive name fit a field, the exact one wins.
//   - A list or set replaces a slice, and does not reuse its elements.
//   - What the target cannot take (bytes for a longer or shorter array, anything
//     for an interface with methods, a nil embedded pointer to an unexported
//     struct) is an error. An unexported embedded field that is no struct is
//     ignored.
//   - An any that holds neither a pointer nor a map is replaced.
//
// Writing refuses what DynamoDB would refuse or a reader would lose: numbers
// out of range, NaN, strings that are not UTF-8, two keys of a map that read
// the same, a value that is no map of attributes. A pointer to an interface is
// followed.
//
// # The SDK's own interfaces
//
// attributevalue.Marshaler and Unmarshaler cannot be called without the SDK:
// Unmarshaler takes a types.AttributeValue, which is always a pointer to one of
// the structs of package types, and a program has no way from the interface to
// the structs that implement it, by reflection neither. So a type that has such a
// method is refused wherever one of its values is to be converted, and
// [Supports] says so before the first item. attributevalue.UnixTime is known and
// works; so does a field that is left out by its tag.
package image
