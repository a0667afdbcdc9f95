package dynamodb

import (
	"cmp"
	"maps"
	"slices"
	"strings"
)

// update is an UpdateExpression, without aliases.
type update struct {
	sets    []assignment // SET
	removes []path       // REMOVE
	adds    []assignment // ADD
	deletes []assignment // DELETE
}

type assignment struct {
	path    path
	operand operand
}

// update reads an UpdateExpression.
func (p *parser) update() *update {
	u := &update{}
	seen := map[string]bool{}
	for p.err == nil && p.next().class != tokenEnd {
		section := strings.ToUpper(p.next().text)
		if p.next().class != tokenName || !slices.Contains([]string{"SET", "REMOVE", "ADD", "DELETE"}, section) {
			p.syntaxError()
			break
		}
		p.take()
		if seen[section] {
			p.failf(`The "%s" section can only be used once in an update expression;`, section)
		}
		seen[section] = true
		for p.err == nil {
			p.clause(u, section)
			if !p.accept(",") {
				break
			}
		}
	}
	p.checkDistinct(u.paths())
	return u
}

func (p *parser) clause(u *update, section string) {
	a := assignment{path: p.path()}
	switch section {
	case "SET":
		p.expect("=")
		a.operand = p.sum()
		u.sets = append(u.sets, a)
	case "REMOVE":
		u.removes = append(u.removes, a.path)
	default:
		v := p.value()
		a.operand = literal{v}
		if section == "DELETE" {
			u.deletes = append(u.deletes, a)
		} else {
			u.adds = append(u.adds, a)
		}
		if p.err == nil && v.kind.element() == "" && (section == "DELETE" || v.kind != kindNumber) {
			p.incorrectOperand("operator: "+section, kind(v.kind.name()))
		}
	}
}

// sum is an operand of SET, or two with a sign between them.
type sum struct {
	operator    string
	left, right operand
}

func (p *parser) sum() operand {
	left := p.term()
	t := p.next()
	if !p.accept("+") && !p.accept("-") {
		return left
	}
	p.operator()
	s := sum{t.text, left, p.term()}
	for _, o := range []operand{s.left, s.right} {
		if l, ok := o.(literal); ok && p.err == nil && l.value.kind != kindNumber {
			p.incorrectOperand("operator or function: "+t.text, l.value.kind)
		}
	}
	return s
}

func (p *parser) term() operand {
	switch {
	case p.accept("("):
		inner := p.sum()
		p.expect(")")
		return inner
	case p.next().class == tokenValue:
		return literal{p.value()}
	case !p.isCall():
		return p.path()
	}
	p.operator()
	switch name := p.next().text; name {
	case "if_not_exists":
		_, arguments := p.arguments(2, p.term)
		on, ok := arguments[0].(path)
		if !ok {
			p.failf("Operator or function requires a document path; operator or function: if_not_exists")
		}
		return fallback{on, arguments[1]}
	case "list_append":
		_, arguments := p.arguments(2, p.term)
		for _, o := range arguments {
			if l, ok := o.(literal); ok && p.err == nil && l.value.kind != kindList {
				p.incorrectOperand("operator or function: list_append", l.value.kind)
			}
		}
		return concatenation{arguments[0], arguments[1]}
	default:
		if isFunction(name) {
			p.failf("The function is not allowed in an update expression; function: %s", name)
		}
		p.failf("Invalid function name; function: %s", name)
		return literal{}
	}
}

type (
	fallback      struct{ path, operand operand }
	concatenation struct{ left, right operand }
)

// A sum or a concatenation of what does not fit, and what uses it, is a value
// without a kind: an item cannot have it, so it is told from what is missing.

func (f fallback) eval(i item) (value, bool) {
	if v, ok := f.path.eval(i); ok {
		return v, true
	}
	return f.operand.eval(i)
}

func (c concatenation) eval(i item) (value, bool) {
	left, right, ok := evalBoth(c.left, c.right, i)
	if !ok || left.kind != kindList || right.kind != kindList {
		return value{}, ok
	}
	return value{kind: kindList, list: slices.Concat(left.list, right.list)}, true
}

func (s sum) eval(i item) (value, bool) {
	left, right, ok := evalBoth(s.left, s.right, i)
	if !ok || left.kind != kindNumber || right.kind != kindNumber {
		return value{}, ok
	}
	addend := right.number()
	if s.operator == "-" {
		addend = addend.negate()
	}
	total, err := left.number().add(addend)
	if err != nil {
		return value{text: asAPIError(err).message}, true
	}
	return value{kind: kindNumber, text: total.String()}, true
}

func evalBoth(left, right operand, i item) (a, b value, ok bool) {
	a, leftOK := left.eval(i)
	b, rightOK := right.eval(i)
	return a, b, leftOK && rightOK
}

func (u *update) paths() []path {
	paths := slices.Clone(u.removes)
	for _, a := range slices.Concat(u.sets, u.adds, u.deletes) {
		paths = append(paths, a.path)
	}
	return paths
}

// apply computes the new item. All operands see the old one, which stays as it
// is.
func (u *update) apply(old item) (item, error) {
	edits, err := u.edits(old)
	if err != nil {
		return nil, err
	}
	// New elements of lists go in by their index, and what is removed is gone last,
	// from behind, so that no other index moves.
	slices.SortStableFunc(edits, func(a, b edit) int {
		if a.remove != b.remove {
			return cmp.Compare(boolInt(a.remove), boolInt(b.remove))
		}
		order := slices.CompareFunc(a.path, b.path, func(s, t step) int { return s.index - t.index })
		if a.remove {
			return -order
		}
		return order
	})
	result := value{kind: kindMap, members: old}
	for _, e := range edits {
		if result, err = e.apply(result, e.path); err != nil {
			return nil, err
		}
	}
	return result.members, nil
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// edits computes what the clauses put and remove.
func (u *update) edits(old item) ([]edit, error) {
	var edits []edit
	for _, a := range u.sets {
		v, ok := a.operand.eval(old)
		switch {
		case !ok:
			return nil, invalid("The provided expression refers to an attribute that does not exist in the item")
		case v.kind == "" && v.text != "":
			return nil, invalid("%s", v.text)
		case v.kind == "":
			return nil, invalid("An operand in the update expression has an incorrect data type")
		}
		edits = append(edits, edit{path: a.path, value: v})
	}
	for _, a := range slices.Concat(u.adds, u.deletes) {
		operand, _ := a.operand.eval(old)
		present, ok := a.path.find(old)
		remove := slices.ContainsFunc(u.deletes, func(d assignment) bool { return slices.Equal(d.path, a.path) })
		e := edit{path: a.path, value: operand, remove: remove && !ok}
		var err error
		switch {
		case ok && present.kind != operand.kind:
			return nil, invalid("An operand in the update expression has an incorrect data type")
		case ok && remove:
			e.value = difference(present, operand)
			e.remove = len(e.value.set) == 0
		case ok:
			e.value, err = accumulate(present, operand)
		}
		if err != nil {
			return nil, err
		}
		edits = append(edits, e)
	}
	for _, p := range u.removes {
		// What is not there in a list is not to be found there after it has grown.
		if _, ok := p.find(old); ok || len(p) == 1 || p[len(p)-1].index < 0 {
			edits = append(edits, edit{path: p, remove: true})
		} else if parent, ok := p[:len(p)-1].find(old); !ok || parent.kind != kindList {
			return nil, errBadPath()
		}
	}
	return edits, nil
}

func accumulate(present, operand value) (value, error) {
	if operand.kind == kindNumber {
		total, err := present.number().add(operand.number())
		return value{kind: kindNumber, text: total.String()}, err
	}
	union := slices.Clone(present.set)
	for _, element := range operand.set {
		if !slices.Contains(union, element) {
			union = append(union, element)
		}
	}
	return newSet(present.kind, union), nil
}

func difference(present, operand value) value {
	return value{kind: present.kind, set: slices.DeleteFunc(slices.Clone(present.set), func(element string) bool {
		return slices.Contains(operand.set, element)
	})}
}

// edit puts a value at a path, or removes what is there.
type edit struct {
	path   path
	value  value
	remove bool
}

func errBadPath() error {
	return invalid("The document path provided in the update expression is invalid for update")
}

// apply copies what the path goes through.
func (e edit) apply(v value, p path) (value, error) {
	s := p[0]
	below, ok := s.from(v)
	if len(p) > 1 {
		if !ok {
			return v, errBadPath()
		}
		changed, err := e.apply(below, p[1:])
		if err != nil {
			return v, err
		}
		return s.to(v, changed), nil
	}
	switch {
	case s.index < 0 && v.kind != kindMap, s.index >= 0 && v.kind != kindList:
		return v, errBadPath()
	case !e.remove:
		return s.to(v, e.value), nil
	case s.index < 0:
		members := maps.Clone(v.members)
		delete(members, s.name)
		return value{kind: kindMap, members: members}, nil
	case ok:
		return value{kind: kindList, list: slices.Delete(slices.Clone(v.list), s.index, s.index+1)}, nil
	default:
		return v, nil
	}
}

// to is v with another value at the step. Beyond the end of a list, that is
// appended.
func (s step) to(v, at value) value {
	if s.index < 0 {
		members := maps.Clone(v.members)
		if members == nil {
			members = item{}
		}
		members[s.name] = at
		return value{kind: kindMap, members: members}
	}
	list := slices.Clone(v.list)
	if s.index < len(list) {
		list[s.index] = at
	} else {
		list = append(list, at)
	}
	return value{kind: kindList, list: list}
}
