package body

import (
	"reflect"
	"strings"
	"unicode"
)

// parseTag reads the tag json as encoding/json does: a name with a character
// that it does not know is ignored, the options behind it are not. It reports
// false for a field that takes no member.
func parseTag(tag reflect.StructTag) (name string, quoted, ok bool) {
	text := tag.Get("json")
	if text == "-" {
		return "", false, false
	}
	name, rest, _ := strings.Cut(text, ",")
	for rest != "" {
		var option string
		option, rest, _ = strings.Cut(rest, ",")
		quoted = quoted || option == "string"
	}
	if strings.IndexFunc(name, isOdd) >= 0 {
		name = ""
	}
	return name, quoted, true
}

func isOdd(r rune) bool {
	return !strings.ContainsRune("!#$%&()*+-./:;<=>?@[]^_{|}~ ", r) && !unicode.IsLetter(r) && !unicode.IsDigit(r)
}
