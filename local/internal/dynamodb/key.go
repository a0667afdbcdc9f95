package dynamodb

import (
	"cmp"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
)

// The sizes of keys, in bytes.
const (
	maxPartitionKey = 2048
	maxSortKey      = 1024
)

// schema is the key of a table or an index.
type schema struct {
	partition keyAttribute
	sort      keyAttribute // without a name where there is none
}

type keyAttribute struct {
	name string
	kind kind
}

func (s schema) attributes() []keyAttribute {
	if s.sort.name == "" {
		return []keyAttribute{s.partition}
	}
	return []keyAttribute{s.partition, s.sort}
}

func (s schema) has(attribute string) bool {
	return attribute == s.partition.name || attribute == s.sort.name && attribute != ""
}

// position is where a row is in the order of a table or an index: by a hash of
// its partition key, so that scans have segments, then by its keys. rest tells
// the rows of an index with equal keys apart: it is the identity of the item.
type position struct {
	hash            uint64
	partition, sort string
	rest            string
}

// What sorts behind every sort key, and behind every identity.
const (
	afterIdentity = "~"
	afterByte     = "\xff"
)

func afterSort() string { return strings.Repeat(afterByte, maxSortKey+1) }

func (p position) compare(q position) int {
	return cmp.Or(
		cmp.Compare(p.hash, q.hash),
		strings.Compare(p.partition, q.partition),
		strings.Compare(p.sort, q.sort),
		strings.Compare(p.rest, q.rest),
	)
}

func (p position) samePartition(q position) bool {
	return p.hash == q.hash && p.partition == q.partition
}

// identity is the key as one text.
func (p position) identity() string {
	return strconv.Itoa(len(p.partition)) + ":" + p.partition + p.sort
}

// position is where an item with these attributes is, which has them all.
func (s schema) position(i item) position {
	p := position{partition: i[s.partition.name].order()}
	if s.sort.name != "" {
		p.sort = i[s.sort.name].order()
	}
	hash := fnv.New64a()
	_, _ = hash.Write([]byte(p.partition))
	// FNV's high bits hardly differ for short keys; segments go by them.
	p.hash = hash.Sum64() * 0x9e3779b97f4a7c15
	return p
}

func (s schema) keyOf(i item) item {
	key := item{}
	for _, attribute := range s.attributes() {
		if v, ok := i[attribute.name]; ok {
			key[attribute.name] = v
		}
	}
	return key
}

// checkKey holds a request's key against the schema.
func (s schema) checkKey(key item) error {
	attributes := s.attributes()
	if len(key) != len(attributes) {
		return invalid("The provided key element does not match the schema")
	}
	for _, attribute := range attributes {
		if v, ok := key[attribute.name]; !ok || v.kind != attribute.kind {
			return invalid("The provided key element does not match the schema")
		}
	}
	return s.checkValues(key, "")
}

// checkItem holds the key of an item that is to be put against the schema.
func (s schema) checkItem(i item) error {
	for _, attribute := range s.attributes() {
		v, ok := i[attribute.name]
		if !ok {
			return invalidParameter("Missing the key %s in the item", attribute.name)
		}
		if v.kind != attribute.kind {
			return invalidParameter("Type mismatch for key %s expected: %s actual: %s",
				attribute.name, attribute.kind, v.kind)
		}
	}
	return s.checkValues(i, "")
}

// checkIndexed holds the keys that an item has of an index against its schema.
// An item without one of them is not in the index.
func (s schema) checkIndexed(i item, index string) error {
	for _, attribute := range s.attributes() {
		if v, ok := i[attribute.name]; ok && v.kind != attribute.kind {
			return invalidParameter("Type mismatch for Index Key %s Expected: %s Actual: %s IndexName: %s",
				attribute.name, attribute.kind, v.kind, index)
		}
	}
	return s.checkValues(i, index)
}

func (s schema) checkValues(i item, index string) error {
	for n, attribute := range s.attributes() {
		v, ok := i[attribute.name]
		if !ok || v.kind == kindNumber {
			continue
		}
		if v.text == "" {
			what := "string"
			if v.kind == kindBinary {
				what = "binary"
			}
			if index != "" {
				return emptyKey("A value specified for a secondary index key is not supported. ",
					"%s value. IndexName: %s, IndexKey: %s", what, index, attribute.name)
			}
			return emptyKey("", "%s value. Key: %s", what, attribute.name)
		}
		switch {
		case n == 0 && len(v.text) > maxPartitionKey:
			return invalidParameter("Size of hashkey has exceeded the maximum size limit of2048 bytes")
		case n == 1 && len(v.text) > maxSortKey:
			return invalidParameter("Aggregated size of all range keys has exceeded the size limit of 1024 bytes")
		}
	}
	return nil
}

// covers reports whether an item has all keys of the schema, as they are to be.
func (s schema) covers(i item) bool {
	return !slices.ContainsFunc(s.attributes(), func(attribute keyAttribute) bool {
		return i[attribute.name].kind != attribute.kind
	}) && s.checkValues(i, "") == nil
}
