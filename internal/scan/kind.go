package scan

// Kind is the type of a JSON value, as told by its first byte.
type Kind byte

// The kinds of JSON values. Invalid stands for anything else, the end of the
// text among it.
const (
	Invalid Kind = 0
	Object  Kind = '{'
	Array   Kind = '['
	String  Kind = '"'
	Number  Kind = '0'
	True    Kind = 't'
	False   Kind = 'f'
	Null    Kind = 'n'
)

// String names the kind as a sentence about JSON would.
func (k Kind) String() string {
	switch k {
	case Object:
		return "an object"
	case Array:
		return "an array"
	case String:
		return "a string"
	case Number:
		return "a number"
	case True, False:
		return "a boolean"
	case Null:
		return "null"
	default:
		return "no value"
	}
}

// kindOf tells the kind of a value by its first byte.
func kindOf(c byte) Kind {
	switch c {
	case '{', '[', '"', 't', 'f', 'n':
		return Kind(c)
	case '-', '0', '1', '2', '3', '4', '5', '6', '7', '8', '9':
		return Number
	default:
		return Invalid
	}
}
