package dynamodb

import (
	"maps"
	"slices"
)

// The units of capacity: 1 KB written, 4 KB read. A read that need not be
// consistent costs half, an action of a transaction twice.
// https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
const (
	writeUnit = 1 << 10
	readUnit  = 4 << 10
)

func writeUnits(size int) float64 { return float64(max(1, (size+writeUnit-1)/writeUnit)) }

func readUnits(size int, consistent bool) float64 {
	units := float64(max(1, (size+readUnit-1)/readUnit))
	if !consistent {
		units /= 2
	}
	return units
}

// usage is the capacity that an operation consumes of one table.
type usage struct {
	table   float64
	indexes map[string]float64
}

func (u *usage) add(index string, units float64) {
	if units == 0 {
		return
	}
	if u.indexes == nil {
		u.indexes = map[string]float64{}
	}
	u.indexes[index] += units
}

func (u *usage) merge(other usage, times float64) {
	u.table += times * other.table
	for index, units := range other.indexes {
		u.add(index, times*units)
	}
}

type consumedCapacity struct {
	TableName     string                   `json:"TableName"`
	CapacityUnits float64                  `json:"CapacityUnits"`
	Read          float64                  `json:"ReadCapacityUnits,omitzero"`
	Write         float64                  `json:"WriteCapacityUnits,omitzero"`
	Table         *capacityUnits           `json:"Table,omitzero"`
	Indexes       map[string]capacityUnits `json:"GlobalSecondaryIndexes,omitempty"`
}

type capacityUnits struct {
	CapacityUnits float64 `json:"CapacityUnits"`
}

// report is the usage as a client asked for it: nil, the total, or by index.
func (u *usage) report(mode, table string) *consumedCapacity {
	if mode != "TOTAL" && mode != "INDEXES" {
		return nil
	}
	report := &consumedCapacity{TableName: table, CapacityUnits: u.table}
	for _, units := range u.indexes {
		report.CapacityUnits += units
	}
	if mode == "INDEXES" {
		report.Table = &capacityUnits{u.table}
		for index, units := range u.indexes {
			if report.Indexes == nil {
				report.Indexes = map[string]capacityUnits{}
			}
			report.Indexes[index] = capacityUnits{units}
		}
	}
	return report
}

// usages is the capacity by table.
type usages map[string]*usage

func (u usages) of(table string) *usage {
	if u[table] == nil {
		u[table] = &usage{}
	}
	return u[table]
}

func (u usages) report(mode string) []consumedCapacity {
	var reports []consumedCapacity
	for _, table := range slices.Sorted(maps.Keys(u)) {
		if report := u[table].report(mode, table); report != nil {
			reports = append(reports, *report)
		}
	}
	return reports
}
