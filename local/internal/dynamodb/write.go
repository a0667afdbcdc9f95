package dynamodb

type (
	// conditional is what all writes have in common.
	conditional struct {
		bindings

		TableName                           string  `json:"TableName"`
		ConditionExpression                 *string `json:"ConditionExpression"`
		ReturnValuesOnConditionCheckFailure string  `json:"ReturnValuesOnConditionCheckFailure"`
	}
	// single is what writes outside of transactions have besides.
	single struct {
		ReturnValues                string `json:"ReturnValues"`
		ReturnConsumedCapacity      string `json:"ReturnConsumedCapacity"`
		ReturnItemCollectionMetrics string `json:"ReturnItemCollectionMetrics"` // of local indexes, so of none
	}

	put struct {
		conditional

		Item item `json:"Item"`
	}
	deletion struct {
		conditional

		Key item `json:"Key"`
	}
	modification struct {
		conditional

		Key              item    `json:"Key"`
		UpdateExpression *string `json:"UpdateExpression"`
	}

	putItemInput struct {
		put
		single
	}
	deleteItemInput struct {
		deletion
		single
	}
	updateItemInput struct {
		modification
		single
	}
)

type writeOutput struct {
	Attributes item              `json:"Attributes,omitzero"`
	Consumed   *consumedCapacity `json:"ConsumedCapacity,omitzero"`
}

type verb byte

const (
	verbPut verb = iota
	verbUpdate
	verbDelete
	verbCheck
)

// write is one write: parsed, then bound to a table and a position, then
// evaluated, then committed.
type write struct {
	verb      verb
	tableName string
	item      item // to put
	key       item // of what is put, updated, deleted or checked
	update    *update
	condition condition
	returnOld bool // with a failed condition

	table            *table
	at               position
	old, replacement item
}

func (in *put) prepare() (*write, error) {
	if in.Item == nil {
		return nil, missing("item")
	}
	return in.conditional.prepare(&write{verb: verbPut, item: in.Item}, nil)
}

func (in *deletion) prepare() (*write, error) {
	if in.Key == nil {
		return nil, missing("key")
	}
	return in.conditional.prepare(&write{verb: verbDelete, key: in.Key}, nil)
}

func (in *modification) prepare() (*write, error) {
	if in.Key == nil {
		return nil, missing("key")
	}
	return in.conditional.prepare(&write{verb: verbUpdate, key: in.Key}, in.UpdateExpression)
}

func (c *conditional) prepare(w *write, updateExpression *string) (*write, error) {
	err := firstError(
		c.check(),
		checkEnum("returnValuesOnConditionCheckFailure", c.ReturnValuesOnConditionCheckFailure, "ALL_OLD", "NONE"),
	)
	if err != nil {
		return nil, err
	}
	w.tableName = c.TableName
	w.returnOld = c.ReturnValuesOnConditionCheckFailure == "ALL_OLD"
	if updateExpression != nil {
		if w.update, err = parse("UpdateExpression", updateExpression, &c.bindings, (*parser).update); err != nil {
			return nil, err
		}
	}
	if c.ConditionExpression != nil {
		if w.condition, err = parse("ConditionExpression", c.ConditionExpression, &c.bindings, (*parser).condition); err != nil {
			return nil, err
		}
	}
	return w, c.checkUsed(updateExpression != nil || c.ConditionExpression != nil)
}

// bind finds the table and the position, and holds the request against them.
func (s *Server) bind(w *write) (err error) {
	if w.table, err = s.table(w.tableName); err != nil {
		return err
	}
	schema := w.table.schema
	if w.verb == verbPut {
		if w.item.size() > maxItemSize {
			return invalid("Item size has exceeded the maximum allowed size").ofAll()
		}
		if err := w.table.checkItem(w.item); err != nil {
			return err
		}
		w.key = schema.keyOf(w.item)
	} else if err := schema.checkKey(w.key); err != nil {
		return err
	}
	w.at = schema.position(w.key)
	if w.update == nil {
		return nil
	}
	for _, p := range w.update.paths() {
		if schema.has(p[0].name) {
			return invalidParameter("Cannot update attribute %s. This attribute is part of the key", p[0].name)
		}
	}
	return nil
}

// evaluate computes what the write replaces by what.
func (w *write) evaluate() (err error) {
	w.old, _ = w.table.get(w.at)
	if w.condition != nil && !w.condition.holds(w.old) {
		if w.returnOld {
			return conditionFailed(w.old)
		}
		return conditionFailed(nil)
	}
	switch w.verb {
	case verbPut:
		w.replacement = w.item
	case verbDelete:
		w.replacement = nil
	case verbCheck:
		w.replacement = w.old
	case verbUpdate:
		w.replacement = w.old
		if w.replacement == nil {
			w.replacement = w.key
		}
		if w.update != nil {
			if w.replacement, err = w.update.apply(w.replacement); err != nil {
				return err
			}
		}
		if w.replacement.size() > maxItemSize {
			return invalid("Item size to update has exceeded the maximum allowed size")
		}
		return w.table.checkItem(w.replacement)
	}
	return nil
}

func (s *Server) commit(w *write) usage {
	used := s.replace(w.table, w.at, w.old, w.replacement, false)
	s.arm()
	return used
}

// write does a single write. What a transaction holds conflicts with it.
func (s *Server) write(w *write, options *single) (*writeOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	if err := s.bind(w); err != nil {
		return nil, err
	}
	if err := firstError(w.table.free(w.at), w.evaluate()); err != nil {
		return nil, err
	}
	used := s.commit(w)
	return &writeOutput{
		Attributes: w.returned(options.ReturnValues),
		Consumed:   used.report(options.ReturnConsumedCapacity, w.table.name),
	}, nil
}

// returned is what ReturnValues asks for, nil where that is nothing.
func (w *write) returned(mode string) item {
	switch mode {
	case "ALL_OLD":
		return w.old
	case "ALL_NEW":
		return w.replacement
	case "UPDATED_OLD", "UPDATED_NEW":
		of := w.replacement
		if mode == "UPDATED_OLD" {
			of = w.old
		}
		if w.update == nil || of == nil {
			return nil
		}
		if changed := project(of, w.update.paths()); len(changed) > 0 {
			return changed
		}
	}
	return nil
}

func (in *single) check(returnValues ...string) error {
	if checkEnum("", in.ReturnValues, returnValues...) != nil {
		return invalid("Return values set to invalid value")
	}
	return firstError(
		checkCapacityMode(in.ReturnConsumedCapacity),
		checkEnum("returnItemCollectionMetrics", in.ReturnItemCollectionMetrics, "SIZE", "NONE"),
	)
}

func (s *Server) putItem(in *putItemInput) (*writeOutput, error) {
	return s.prepareAndWrite(&in.single, in.prepare, "NONE", "ALL_OLD")
}

func (s *Server) deleteItem(in *deleteItemInput) (*writeOutput, error) {
	return s.prepareAndWrite(&in.single, in.prepare, "NONE", "ALL_OLD")
}

func (s *Server) updateItem(in *updateItemInput) (*writeOutput, error) {
	return s.prepareAndWrite(&in.single, in.prepare, "NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW")
}

func (s *Server) prepareAndWrite(options *single, prepare func() (*write, error), returnValues ...string) (*writeOutput, error) {
	if err := options.check(returnValues...); err != nil {
		return nil, err
	}
	w, err := prepare()
	if err != nil {
		return nil, err
	}
	return s.write(w, options)
}
