package sqlstore

import (
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/lambda-cqrs/cqrs"
)

// column is one column of a row type.
type column struct {
	name  string // quoted
	field []int  // path to the struct's field
	json  bool
}

// isIdentifier reports whether a text is what names may be made of. They are quoted
// as they are, so they are spelled as the database has them, which for PostgreSQL
// mostly is lower case.
func isIdentifier(name string) bool {
	for i, c := range []byte(name) {
		switch {
		case c == '_', c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
		case i > 0 && c >= '0' && c <= '9':
		default:
			return false
		}
	}
	return name != "" && len(name) <= 63
}

// quoted returns a name for use in statements. It panics for any other text.
func quoted(what, name string) string {
	if !isIdentifier(name) {
		panic(fmt.Sprintf("sqlstore: %s %q is no name of letters, digits and underscores, at most 63 of them", what, name))
	}
	return `"` + name + `"`
}

// quotedTable is quoted for a name that may have its schema's before it.
func quotedTable(what, name string) string {
	schema, table, qualified := strings.Cut(name, ".")
	if !qualified {
		return quoted(what, name)
	}
	return quoted(what, schema) + "." + quoted(what, table)
}

// columnsOf reads the db tags of a struct, and panics where they do not describe a
// row. Structs that are embedded without a tag are part of the row.
func columnsOf(row reflect.Type) []column {
	if row.Kind() != reflect.Struct {
		panic(fmt.Sprintf("sqlstore: a row is a struct with db tags, not %s", row))
	}
	var columns []column
	seen := map[string]bool{}
	for _, name := range rowGate {
		seen[quoted("column", name)] = true
	}
	for _, field := range reflect.VisibleFields(row) {
		c, ok := columnOf(row, field)
		if !ok {
			continue
		}
		name := strings.ToLower(c.name)
		if seen[name] {
			panic(fmt.Sprintf("sqlstore: %s has a second column %s, or the gate has one", row, c.name))
		}
		seen[name] = true
		columns = append(columns, c)
	}
	if len(columns) == 0 {
		panic(fmt.Sprintf("sqlstore: %s has no columns; give its fields db tags", row))
	}
	return columns
}

func columnOf(row reflect.Type, field reflect.StructField) (column, bool) {
	tag, tagged := field.Tag.Lookup("db")
	switch {
	case tag == "-", insideColumn(row, field), isEmbedded(field), !tagged && !field.IsExported():
		return column{}, false
	case !tagged:
		panic(fmt.Sprintf("sqlstore: %s.%s needs a db tag, `db:\"-\"` to be left out", row, field.Name))
	case !field.IsExported():
		panic(fmt.Sprintf("sqlstore: %s.%s has a db tag and is not exported", row, field.Name))
	}
	name, option, _ := strings.Cut(tag, ",")
	if option != "" && option != "json" {
		panic(fmt.Sprintf("sqlstore: %s.%s: a db tag has the option json, not %q", row, field.Name, option))
	}
	c := column{name: quoted("column", name), field: field.Index, json: option == "json"}
	if !c.json && !isScalar(field.Type) {
		panic(fmt.Sprintf("sqlstore: %s.%s: a column cannot hold %s; keep it as JSON, `db:\"%s,json\"`, or implement driver.Valuer",
			row, field.Name, field.Type, name))
	}
	return c, true
}

// insideColumn reports whether the field is promoted out of one that is a column,
// or left out, itself.
func insideColumn(row reflect.Type, field reflect.StructField) bool {
	for i := 1; i < len(field.Index); i++ {
		outer := row.FieldByIndex(field.Index[:i])
		if !isEmbedded(outer) {
			return true
		}
		if outer.Type.Kind() == reflect.Pointer {
			panic(fmt.Sprintf("sqlstore: %s.%s is embedded by pointer; embed the struct itself", row, outer.Name))
		}
	}
	return false
}

// isEmbedded reports whether the fields of the field are those of the row.
func isEmbedded(field reflect.StructField) bool {
	_, tagged := field.Tag.Lookup("db")
	kind := field.Type.Kind()
	return field.Anonymous && !tagged && (kind == reflect.Struct || kind == reflect.Pointer)
}

// isScalar reports whether drivers take values of the type.
func isScalar(t reflect.Type) bool {
	if t.Implements(reflect.TypeFor[driver.Valuer]()) || t == reflect.TypeFor[time.Time]() {
		return true
	}
	switch t.Kind() {
	case reflect.Pointer:
		return t.Elem().Kind() != reflect.Pointer && isScalar(t.Elem())
	case reflect.Slice:
		return t.Elem().Kind() == reflect.Uint8
	case reflect.Bool, reflect.String, reflect.Float32, reflect.Float64,
		reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return true
	default:
		return false
	}
}

// value returns what every driver takes: an int64, a float64, a bool, a string,
// bytes, a time in UTC or nil. JSON null becomes NULL. What cannot be converted is a
// permanent error.
func (c *column) value(row reflect.Value) (any, error) {
	value, err := c.convert(row.FieldByIndex(c.field).Interface())
	if err != nil {
		return nil, cqrs.Permanent(fmt.Errorf("sqlstore: column %s: %w", c.name, err))
	}
	return value, nil
}

func (c *column) convert(field any) (any, error) {
	if c.json {
		text, err := json.Marshal(field)
		if err != nil || string(text) == "null" {
			return nil, err
		}
		return string(text), nil
	}
	value, err := driver.DefaultParameterConverter.ConvertValue(field)
	if err != nil {
		return nil, err
	}
	if at, ok := value.(time.Time); ok {
		return at.UTC(), nil
	}
	return value, nil
}
