package dynamodb

// keyRange is a KeyConditionExpression: one partition, and which sort keys.
type keyRange struct {
	partition    value
	sort         condition // nil where all sort keys are in the range
	lower, upper string    // no sort key in the range is outside of them
}

// keyRange reads a KeyConditionExpression on a schema: an equality on the
// partition key and at most one condition on the sort key.
func (p *parser) keyRange(s schema) keyRange {
	r := keyRange{upper: afterSort()}
	found := map[string]bool{}
	for _, c := range p.keyConditions(p.condition()) {
		attribute, operator, values := p.keyCondition(c)
		if p.err != nil {
			return r
		}
		switch {
		case found[attribute]:
			p.failKeyf("KeyConditionExpressions must only contain one condition per key")
		case attribute == s.partition.name && operator == "=":
			r.partition = p.keyValue(values[0], s.partition)
		case attribute == s.partition.name:
			p.failKeyf("Query key condition not supported")
		case attribute == s.sort.name && attribute != "":
			r.sort = c
			r.lower, r.upper = p.bounds(operator, values, s.sort)
		default:
			p.failKeyf("Query condition missed key schema element: %s", s.partition.name)
		}
		found[attribute] = true
	}
	if p.err == nil && !found[s.partition.name] {
		p.failKeyf("Query condition missed key schema element: %s", s.partition.name)
	}
	return r
}

// failKeyf is an error whose text does not name the expression.
func (p *parser) failKeyf(format string, arguments ...any) {
	if p.err == nil {
		p.err = invalid(format, arguments...)
	}
}

func (p *parser) keyConditions(c condition) []condition {
	conjunction, ok := c.(both)
	if !ok {
		return []condition{c}
	}
	return append(p.keyConditions(conjunction.left), p.keyConditions(conjunction.right)...)
}

// keyCondition takes a condition on a key apart.
func (p *parser) keyCondition(c condition) (attribute, operator string, values []value) {
	var on operand
	var with []operand
	switch c := c.(type) {
	case comparison:
		on, operator, with = c.left, c.operator, []operand{c.right}
		if _, swapped := on.(literal); swapped {
			on, operator, with = c.right, mirrored(c.operator), []operand{c.left}
		}
	case between:
		on, operator, with = c.operand, "BETWEEN", []operand{c.lower, c.upper}
	case function:
		on, operator, with = c.arguments[0], c.name, c.arguments[1:]
	}
	path, ok := on.(path)
	if !ok || operator == "<>" || operator != "begins_with" && isFunction(operator) {
		p.failf("Invalid operator used in KeyConditionExpression: %s", operatorOf(c, operator))
		return "", "", nil
	}
	if len(path) > 1 {
		p.failf("KeyConditionExpressions cannot have conditions on nested attributes")
	}
	for _, o := range with {
		l, ok := o.(literal)
		if !ok {
			p.failf("Invalid use of a path in a KeyConditionExpression: a key is to be compared with a value")
		}
		values = append(values, l.value)
	}
	return path[0].name, operator, values
}

func operatorOf(c condition, operator string) string {
	switch c.(type) {
	case either:
		return "OR"
	case opposite:
		return "NOT"
	case membership:
		return "IN"
	default:
		return operator
	}
}

func mirrored(operator string) string {
	switch operator {
	case "<":
		return ">"
	case "<=":
		return ">="
	case ">":
		return "<"
	case ">=":
		return "<="
	default:
		return operator
	}
}

func (p *parser) keyValue(v value, attribute keyAttribute) value {
	switch {
	case p.err != nil:
	case v.kind != attribute.kind:
		p.failKeyf("One or more parameter values were invalid: Condition parameter type does not match schema type")
	case v.kind != kindNumber && v.text == "":
		p.err = emptyKey("", "string value. Key: %s", attribute.name)
	}
	return v
}

func (p *parser) bounds(operator string, values []value, attribute keyAttribute) (lower, upper string) {
	var orders []string
	for _, v := range values {
		if p.keyValue(v, attribute); p.err != nil {
			return "", ""
		}
		orders = append(orders, v.order())
	}
	switch operator {
	case "=":
		return orders[0], orders[0]
	case "<", "<=":
		return "", orders[0]
	case ">", ">=":
		return orders[0], afterSort()
	case "BETWEEN":
		return orders[0], orders[1]
	default: // begins_with, which a number cannot
		return orders[0], orders[0] + afterSort()
	}
}
