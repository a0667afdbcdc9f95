package image

// kind is the type of an attribute.
type kind uint8

const (
	kindUnknown kind = iota
	kindS
	kindN
	kindB
	kindBOOL
	kindNULL
	kindM
	kindL
	kindSS
	kindNS
	kindBS
)

// kindOf returns the kind that a type tag stands for.
func kindOf(tag string) kind {
	if len(tag) == 1 {
		switch tag[0] {
		case 'S':
			return kindS
		case 'N':
			return kindN
		case 'B':
			return kindB
		case 'M':
			return kindM
		case 'L':
			return kindL
		default:
			return kindUnknown
		}
	}
	switch tag {
	case "BOOL":
		return kindBOOL
	case "NULL":
		return kindNULL
	case "SS":
		return kindSS
	case "NS":
		return kindNS
	case "BS":
		return kindBS
	default:
		return kindUnknown
	}
}

// tag is the inverse of kindOf.
func (k kind) tag() string {
	switch k {
	case kindS:
		return "S"
	case kindN:
		return "N"
	case kindB:
		return "B"
	case kindM:
		return "M"
	case kindL:
		return "L"
	case kindBOOL:
		return "BOOL"
	case kindNULL:
		return "NULL"
	case kindSS:
		return "SS"
	case kindNS:
		return "NS"
	case kindBS:
		return "BS"
	default:
		return ""
	}
}

// String names the kind as a sentence would.
func (k kind) String() string {
	switch k {
	case kindS:
		return "a string (S)"
	case kindN:
		return "a number (N)"
	case kindB:
		return "binary data (B)"
	case kindM:
		return "a map (M)"
	case kindL:
		return "a list (L)"
	case kindBOOL:
		return "a boolean (BOOL)"
	case kindNULL:
		return "null (NULL)"
	case kindSS:
		return "a string set (SS)"
	case kindNS:
		return "a number set (NS)"
	case kindBS:
		return "a binary set (BS)"
	default:
		return "an unknown type"
	}
}

// element is the kind of a set's elements.
func (k kind) element() kind {
	switch k {
	case kindSS:
		return kindS
	case kindNS:
		return kindN
	case kindBS:
		return kindB
	default:
		return kindUnknown
	}
}
