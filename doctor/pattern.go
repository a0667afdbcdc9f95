package doctor

import "strings"

// overlap reports whether some text has both patterns of policies: * is any text, ?
// any character.
func overlap(a, b string) bool {
	// behind[j] is whether what is left of a and b[j:] overlap.
	behind := make([]bool, len(b)+1)
	for i := len(a); i >= 0; i-- {
		row := make([]bool, len(b)+1)
		for j := len(b); j >= 0; j-- {
			switch {
			case i == len(a) && j == len(b):
				row[j] = true
			case i < len(a) && a[i] == '*':
				row[j] = behind[j] || j < len(b) && row[j+1]
			case j < len(b) && b[j] == '*':
				row[j] = row[j+1] || i < len(a) && behind[j]
			case i < len(a) && j < len(b) && (a[i] == b[j] || a[i] == '?' || b[j] == '?'):
				row[j] = behind[j+1]
			}
		}
		behind = row
	}
	return behind[0]
}

// covers reports whether a pattern has every text that another has.
func covers(pattern, other string) bool {
	for pattern != "" {
		switch {
		case pattern[0] == '*':
			for i := range len(other) + 1 {
				if covers(pattern[1:], other[i:]) {
					return true
				}
			}
			return false
		case other == "", pattern[0] != other[0] && (pattern[0] != '?' || other[0] == '*'):
			return false
		}
		pattern, other = pattern[1:], other[1:]
	}
	return other == ""
}

// coversARN is covers for the resource in an ARN. Its partition, region and account
// are mostly left open by the code, so there overlap is enough.
func coversARN(pattern, other string) bool {
	const parts = 6 // arn:partition:service:region:account:resource
	if pattern == "*" || other == "*" {
		return true
	}
	of, with := strings.SplitN(pattern, ":", parts), strings.SplitN(other, ":", parts)
	if len(of) < parts || len(with) < parts {
		return covers(pattern, other)
	}
	for i := range parts - 1 {
		if !overlap(of[i], with[i]) {
			return false
		}
	}
	return covers(of[parts-1], with[parts-1])
}
