// Package field knows the fields of a Go struct as encoding/json and
// attributevalue see them: which fields of embedded structs count as those of
// the struct around them, which of several with one name has it, and which
// field a name fits. The decoders of images and bodies share it.
package field
