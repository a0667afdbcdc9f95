package dynamodb

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

var tableName = regexp.MustCompile(`^[a-zA-Z0-9_.-]{3,255}$`)

// violation is a parameter whose value breaks a rule of its type.
func violation(parameter, given, rule string, arguments ...any) *apiError {
	return invalid("1 validation error detected: Value %s at '%s' failed to satisfy constraint: Member must %s",
		given, parameter, fmt.Sprintf(rule, arguments...))
}

func missing(parameter string) *apiError { return violation(parameter, "null", "not be null") }

// checkTableName shortens an ARN to the name in it.
func checkTableName(name *string) error {
	if strings.HasPrefix(*name, "arn:") {
		_, *name, _ = strings.Cut(*name, ":table/")
	}
	if *name == "" {
		return missing("tableName")
	}
	return checkName("tableName", *name)
}

func checkName(parameter, name string) error {
	if tableName.MatchString(name) {
		return nil
	}
	return violation(parameter, "'"+name+"'", "satisfy regular expression pattern: [a-zA-Z0-9_.-]+, with a length of 3 to 255")
}

// checkEnum holds an optional parameter against its values.
func checkEnum(parameter, given string, values ...string) error {
	if given == "" || slices.Contains(values, given) {
		return nil
	}
	return violation(parameter, "'"+given+"'", "satisfy enum value set: [%s]", strings.Join(values, ", "))
}

func checkCapacityMode(given string) error {
	return checkEnum("returnConsumedCapacity", given, "INDEXES", "TOTAL", "NONE")
}

// limitOf is an optional limit, or the most that it may be.
func limitOf(given *int, most int) (int, error) {
	if given == nil {
		return most, nil
	}
	return *given, checkBetween("limit", *given, 1, most)
}

func checkBetween(parameter string, given, least, most int) error {
	if least <= given && given <= most {
		return nil
	}
	return violation(parameter, fmt.Sprintf("'%d'", given), "have value between %d and %d", least, most)
}

// checkActions holds a transaction against the number of its actions.
func checkActions[T any](actions []T) error {
	const parameter = "transactItems"
	switch {
	case len(actions) == 0:
		return violation(parameter, "'[]'", "have length greater than or equal to 1")
	case len(actions) > maxTransaction:
		return violation(parameter, fmt.Sprintf("of length %d", len(actions)), "have length less than or equal to %d", maxTransaction)
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
