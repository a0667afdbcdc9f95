package doctor

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
