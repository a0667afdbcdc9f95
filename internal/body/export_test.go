package body

import (
	"reflect"

	jsonv1 "github.com/go-json-experiment/json/v1"

	"github.com/lambda-cqrs/cqrs/internal/scan"
)

// ByPlan is Unmarshal without json/v2's second opinion.
func ByPlan(text string, v any) bool {
	target := reflect.ValueOf(v).Elem()
	d := decoder{scan.New(text)}
	return d.value(target, planOf(target.Type())) && d.End() == nil
}

// ByJSONv2 is what a type goes through that no plan can read.
func ByJSONv2(text string, v any) error {
	return unmarshalWith(text, v, jsonv1.ReportErrorsWithLegacySemantics(true))
}
