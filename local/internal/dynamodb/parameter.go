package dynamodb

import (
	"regexp"
	"slices"
	"strings"
)

var tableName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{3,255}$`)

// checkTableName shortens an ARN to the name in it.
func checkTableName(name *string) error {
	if strings.HasPrefix(*name, "arn:") {
		_, *name, _ = strings.Cut(*name, ":table/")
	}
	if *name == "" {
		return invalid("1 validation error detected: Value null at 'tableName' failed to satisfy constraint: Member must not be null")
	}
	if !tableName.MatchString(*name) {
		return invalid("1 validation error detected: Value '%s' at 'tableName' failed to satisfy constraint: "+
			"Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+, with a length of 3 to 255", *name)
	}
	return nil
}

// checkEnum holds an optional parameter against its values.
func checkEnum(parameter, given string, values ...string) error {
	if given == "" || slices.Contains(values, given) {
		return nil
	}
	return invalid("1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must satisfy enum value set: [%s]",
		given, parameter, strings.Join(values, ", "))
}

func checkCapacityMode(given string) error {
	return checkEnum("returnConsumedCapacity", given, "INDEXES", "TOTAL", "NONE")
}

func checkCount[T any](parameter string, list []T, most int) error {
	switch {
	case len(list) == 0:
		return invalid("1 validation error detected: Value '[]' at '%s' failed to satisfy constraint: "+
			"Member must have length greater than or equal to 1", parameter)
	case len(list) > most:
		return invalid("1 validation error detected: Value at '%s' failed to satisfy constraint: "+
			"Member must have length less than or equal to %d", parameter, most)
	}
	return nil
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
