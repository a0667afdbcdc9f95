package image

import (
	"reflect"
	"strings"
)

// options are what a struct tag says beside the name.
type options uint16

const (
	omitEmpty options = 1 << iota
	omitEmptyElem
	nullEmpty
	nullEmptyElem
	asString
	asBinarySet
	asNumberSet
	asStringSet
	asUnixTime
)

func (o options) has(one options) bool { return o&one != 0 }

// elem returns the options of the elements of a map, list or set. What applies
// to elements applies to theirs in turn, as attributevalue has it.
func (o options) elem() options {
	var e options
	if o.has(omitEmptyElem) {
		e |= omitEmpty | omitEmptyElem
	}
	if o.has(nullEmptyElem) {
		e |= nullEmpty
	}
	return e
}

func optionOf(word string) options {
	switch word {
	case "omitempty":
		return omitEmpty
	case "omitemptyelem":
		return omitEmptyElem
	case "nullempty":
		return nullEmpty
	case "nullemptyelem":
		return nullEmptyElem
	case "string":
		return asString
	case "binaryset":
		return asBinarySet
	case "numberset":
		return asNumberSet
	case "stringset":
		return asStringSet
	case "unixtime":
		return asUnixTime
	default:
		return 0
	}
}

// parseTag reads the tag dynamodbav, or json where that is missing or empty. It
// reports false for a field that is to be ignored.
func parseTag(tag reflect.StructTag) (name string, o options, ok bool) {
	text := tag.Get("dynamodbav")
	if text == "" {
		text = tag.Get("json")
	}
	name, rest, _ := strings.Cut(text, ",")
	if name == "-" {
		return "", 0, false
	}
	for rest != "" {
		var word string
		word, rest, _ = strings.Cut(rest, ",")
		o |= optionOf(word)
	}
	return name, o, true
}
