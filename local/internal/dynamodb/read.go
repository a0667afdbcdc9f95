package dynamodb

type (
	// keyRead is one item that is to be read.
	keyRead struct {
		bindings

		TableName            string  `json:"TableName"`
		Key                  item    `json:"Key"`
		ProjectionExpression *string `json:"ProjectionExpression"`
	}
	getItemInput struct {
		keyRead

		ConsistentRead         bool   `json:"ConsistentRead"`
		ReturnConsumedCapacity string `json:"ReturnConsumedCapacity"`
	}
	getItemOutput struct {
		Item     item              `json:"Item,omitzero"`
		Consumed *consumedCapacity `json:"ConsumedCapacity,omitzero"`
	}
)

// projection parses the expression; without one, it is nil.
func (b *bindings) projection(expression *string) ([]path, error) {
	if expression == nil {
		return nil, nil
	}
	return parse("ProjectionExpression", expression, b, (*parser).projection)
}

func (in *keyRead) prepare() ([]path, error) {
	if in.Key == nil {
		return nil, missing("key")
	}
	if err := in.check(); err != nil {
		return nil, err
	}
	paths, err := in.projection(in.ProjectionExpression)
	if err != nil {
		return nil, err
	}
	return paths, in.checkUsed(in.ProjectionExpression != nil)
}

func projectOptional(i item, paths []path) item {
	if paths == nil || i == nil {
		return i
	}
	return project(i, paths)
}

func (s *Server) getItem(in *getItemInput) (*getItemOutput, error) {
	if err := checkCapacityMode(in.ReturnConsumedCapacity); err != nil {
		return nil, err
	}
	paths, err := in.prepare()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	t, err := s.table(in.TableName)
	if err != nil {
		return nil, err
	}
	if err := t.schema.checkKey(in.Key); err != nil {
		return nil, err
	}
	found, size := t.get(t.schema.position(in.Key))
	used := usage{table: readUnits(size, in.ConsistentRead)}
	return &getItemOutput{
		Item:     projectOptional(found, paths),
		Consumed: used.report(in.ReturnConsumedCapacity, t.name),
	}, nil
}
