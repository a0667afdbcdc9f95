package dynamodb

// Canonical is the number in full.
func Canonical(number string) (string, error) {
	d, err := parseDecimal(number)
	return d.String(), err
}

// Order is a text in whose order the numbers are.
func Order(number string) (string, error) {
	d, err := parseDecimal(number)
	return d.order(), err
}

// Add is the sum of two numbers.
func Add(a, b string) (string, error) {
	x, err := parseDecimal(a)
	if err != nil {
		return "", err
	}
	y, err := parseDecimal(b)
	if err != nil {
		return "", err
	}
	sum, err := x.add(y)
	return sum.String(), err
}

// Evaluate parses the texts as expressions of each kind and, where they are one,
// applies them to an item. It reports whether any of them was.
func Evaluate(expression string, attributes []byte) (valid bool, err error) {
	var i item
	if err := decode(attributes, &i); err != nil {
		return false, err
	}
	b := &bindings{Names: map[string]string{"#n": "n"}, Values: i.bound()}
	if err := b.check(); err != nil {
		return false, err
	}
	if c, err := parse("ConditionExpression", &expression, b, (*parser).condition); err == nil {
		valid = true
		c.holds(i)
		c.holds(nil)
	}
	if u, err := parse("UpdateExpression", &expression, b, (*parser).update); err == nil {
		valid = true
		before := i.size()
		if changed, err := u.apply(i); err == nil {
			project(changed, u.paths())
		}
		if i.size() != before {
			panic("an update changed the old item")
		}
	}
	if paths, err := parse("ProjectionExpression", &expression, b, (*parser).projection); err == nil {
		valid = true
		project(i, paths)
	}
	s := schema{partition: keyAttribute{"s", kindString}, sort: keyAttribute{"n", kindNumber}}
	if _, err := parse("KeyConditionExpression", &expression, b, func(p *parser) keyRange { return p.keyRange(s) }); err == nil {
		valid = true
	}
	return valid, nil
}

// bound binds :name to each attribute.
func (i item) bound() item {
	bound := item{}
	for name, v := range i {
		bound[":"+name] = v
	}
	return bound
}

// Sequence is the sequence number at a position of a stream, and back.
func Sequence(at int64) (sequence string, back int64, err error) {
	sequence = sequenceOf(at)
	back, err = positionOf(sequence)
	return sequence, back, err
}
