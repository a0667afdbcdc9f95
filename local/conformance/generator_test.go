package conformance_test

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"pgregory.net/rapid"
)

// generator draws operations on a few items of one partition.
type generator struct {
	*rapid.T

	partition string
	values    item // of the expression that is being drawn
}

func draw[V any](g *generator, from ...V) V { return rapid.SampledFrom(from).Draw(g.T, "") }

func (g *generator) key() item { return key(g.partition, draw(g, "a", "aa", "b", "c")) }

func (g *generator) attribute() string { return draw(g, "va", "vb", "vc", "vm.x", "vl[0]") }

func (g *generator) name() string { return draw(g, "va", "vb", "vc") }

func (g *generator) scalar() value {
	return draw(g, number("0"), number("1"), number("-1.5"), number("10"), number("0.001"), text(""), text("a"), text("ab"), text("b"), raw("a"), raw("ab"))
}

func (g *generator) number() value {
	return draw(g, number("0"), number("1"), number("-1.5"), number("99999999999999999999"), number("0.00000001"))
}

func (g *generator) set() value {
	return draw(g, texts("a"), texts("a", "b"), texts("b", "ab"), numbers("1"), numbers("10", "1"), raws("a", "b"))
}

func (g *generator) value() value {
	switch rapid.IntRange(0, 5).Draw(g.T, "kind") {
	case 0:
		return g.set()
	case 1:
		return draw(g, truth(true), truth(false), null())
	case 2:
		return draw(g, list(), list(text("a"), number("1")), object(item{"x": number("1")}), object(item{"x": text("a")}))
	default:
		return g.scalar()
	}
}

// bind gives a value a name in the expression.
func (g *generator) bind(v value) string {
	name := ":v" + strconv.Itoa(len(g.values))
	g.values[name] = v
	return name
}

func (g *generator) item() item {
	i := g.key()
	for _, name := range []string{"va", "vb", "vc"} {
		if rapid.Bool().Draw(g.T, name) {
			i[name] = g.value()
		}
	}
	if rapid.Bool().Draw(g.T, "indexed") {
		i["gp"], i["gs"] = text(g.partition), g.number()
	}
	if rapid.Bool().Draw(g.T, "indexed too") {
		i["hp"], i["hs"] = text(g.partition), g.number()
	}
	if rapid.Bool().Draw(g.T, "document") {
		i["vm"], i["vl"] = object(item{"x": g.scalar()}), list(g.scalar(), number("2"))
	}
	return i
}

func (g *generator) condition(depth int) string {
	kinds := 9
	if depth == 0 {
		kinds = 6
	}
	on := g.attribute()
	switch rapid.IntRange(0, kinds).Draw(g.T, "condition") {
	case 0:
		return draw(g, "attribute_exists(", "attribute_not_exists(") + on + ")"
	case 1:
		return on + draw(g, " = ", " <> ") + g.bind(g.value())
	case 2:
		return on + draw(g, " < ", " <= ", " > ", " >= ") + g.bind(g.scalar())
	case 3:
		return "contains(" + on + ", " + g.bind(g.scalar()) + ")"
	case 4:
		return "begins_with(" + on + ", " + g.bind(draw(g, text("a"), text(""), raw("a"))) + ")"
	case 5:
		return "size(" + on + ")" + draw(g, " = ", " <> ", " < ", " >= ") + g.bind(draw(g, number("0"), number("1"), number("2")))
	case 6:
		return draw(g,
			on+" IN ("+g.bind(g.scalar())+", "+g.bind(g.value())+")",
			"attribute_type("+on+", "+g.bind(text(draw(g, "S", "N", "B", "L", "M", "SS", "NULL", "BOOL")))+")",
			on+" BETWEEN "+g.bind(number("-1"))+" AND "+g.bind(number("5")))
	case 7:
		return "NOT (" + g.condition(depth-1) + ")"
	default:
		return g.side(depth) + draw(g, " AND ", " OR ") + g.side(depth)
	}
}

func (g *generator) side(depth int) string {
	if side := g.condition(depth - 1); !strings.Contains(side, " AND ") && !strings.Contains(side, " OR ") {
		return side
	} else {
		return "(" + side + ")"
	}
}

// optionally draws a condition for half of the writes.
func (g *generator) optionally() *string {
	if rapid.Bool().Draw(g.T, "unconditional") {
		return nil
	}
	condition := g.condition(2)
	return &condition
}

func (g *generator) update() string {
	names := rapid.Permutation([]string{"va", "vb", "vc", "vm.x", "gs"}).Draw(g.T, "names")[:rapid.IntRange(1, 3).Draw(g.T, "clauses")]
	clauses := map[string][]string{}
	for _, name := range names {
		section := draw(g, "SET", "SET", "ADD", "REMOVE", "DELETE")
		if name == "vm.x" || name == "gs" {
			section = draw(g, "SET", "ADD")
		}
		clause := name
		switch {
		case name == "gs":
			clause += map[string]string{"SET": " = ", "ADD": " "}[section] + g.bind(g.number())
		case section == "SET":
			clause += " = " + draw(g,
				g.bind(g.value()), g.name(),
				g.name()+draw(g, " + ", " - ")+g.bind(g.number()),
				"if_not_exists("+g.name()+", "+g.bind(g.value())+")",
				"if_not_exists("+g.name()+", "+g.bind(number("0"))+") + "+g.bind(g.number()),
				"list_append("+g.name()+", "+g.bind(list(g.scalar()))+")")
		case section == "ADD":
			clause += " " + g.bind(draw(g, g.number(), g.set()))
		case section == "DELETE":
			clause += " " + g.bind(g.set())
		}
		clauses[section] = append(clauses[section], clause)
	}
	var sections []string
	for section, list := range clauses {
		sections = append(sections, section+" "+strings.Join(list, ", "))
	}
	slices.Sort(sections)
	return strings.Join(sections, " ")
}

// used keeps the values that the expressions mention: draw makes more.
func (g *generator) used(expressions ...*string) item {
	used := item{}
	for _, expression := range expressions {
		if expression == nil {
			continue
		}
		for _, word := range strings.FieldsFunc(*expression, func(r rune) bool { return strings.ContainsRune(" ,()", r) }) {
			if v, ok := g.values[word]; ok {
				used[word] = v
			}
		}
	}
	if len(used) == 0 {
		return nil
	}
	return used
}

func (g *generator) operation() operation {
	g.values = item{}
	switch rapid.IntRange(0, 9).Draw(g.T, "operation") {
	case 0, 1:
		return g.putOperation()
	case 2, 3, 4:
		return g.updateOperation()
	case 5:
		return g.deleteOperation()
	case 6:
		return g.transactOperation()
	case 7:
		return g.scanOperation()
	default:
		return g.queryOperation()
	}
}

func describe(parts ...any) string { return fmt.Sprintln(parts...) }

func textOf(s *string) string { return aws.ToString(s) }
