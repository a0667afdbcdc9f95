package cqrs

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
)

func mergeMembers(rawText, beforeText, afterText string) (string, error) {
	raw, err := members(rawText)
	if err != nil {
		return "", err
	}
	before, err := members(beforeText)
	if err != nil {
		return "", err
	}
	after, err := members(afterText)
	if err != nil {
		return "", err
	}
	merged := map[string]string{}
	for name, value := range raw {
		if _, known := before[name]; !known {
			merged[name] = value
		}
	}
	for name, value := range after {
		merged[name], err = mergeAttribute(raw[name], before[name], value)
		if err != nil {
			return "", err
		}
	}
	return joinMembers(merged), nil
}

// mergeAttribute merges one attribute that after has.
func mergeAttribute(raw, before, after string) (string, error) {
	switch {
	case raw == "":
		return after, nil
	case before == after:
		return raw, nil
	}
	var values [3]string
	for i, text := range []string{raw, before, after} {
		tag, value, err := attribute(text)
		if err != nil || tag != "M" {
			return after, err
		}
		values[i] = value
	}
	merged, err := mergeMembers(values[0], values[1], values[2])
	return `{"M":` + merged + `}`, err
}

func joinMembers(all map[string]string) string {
	var b strings.Builder
	b.WriteByte('{')
	for i, name := range slices.Sorted(maps.Keys(all)) {
		if i > 0 {
			b.WriteByte(',')
		}
		quoted, _ := json.Marshal(name) //nolint:errchkjson // a string is always JSON
		b.Write(quoted)
		b.WriteByte(':')
		b.WriteString(all[name])
	}
	b.WriteByte('}')
	return b.String()
}
