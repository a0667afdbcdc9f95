package field

import "reflect"

// Locate finds the field of the struct v that an index leads to, and makes the
// embedded structs on the way to it. It reports false where one of them is a nil
// pointer to an unexported struct, which only its own package can set.
func Locate(v reflect.Value, index []int) (reflect.Value, bool) {
	if len(index) == 1 { // inlined
		return v.Field(index[0]), true
	}
	return locate(v, index)
}

func locate(v reflect.Value, index []int) (reflect.Value, bool) {
	for i, x := range index {
		if i > 0 && v.Kind() == reflect.Pointer {
			if v.IsNil() {
				if !v.CanSet() {
					return v, false
				}
				v.Set(reflect.New(v.Type().Elem()))
			}
			v = v.Elem()
		}
		v = v.Field(x)
	}
	return v, true
}
