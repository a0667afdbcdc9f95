package dynamodb

import (
	"maps"
	"slices"
)

const (
	maxBatchGet   = 100
	maxBatchWrite = 25
	maxBatchBytes = 16 << 20
)

type (
	batchGetItemInput struct {
		RequestItems           map[string]*batchKeys `json:"RequestItems"`
		ReturnConsumedCapacity string                `json:"ReturnConsumedCapacity"`
	}
	batchKeys struct {
		Keys                 []item            `json:"Keys"`
		ConsistentRead       bool              `json:"ConsistentRead,omitzero"`
		ProjectionExpression *string           `json:"ProjectionExpression,omitzero"`
		Names                map[string]string `json:"ExpressionAttributeNames,omitzero"`
	}
	batchGetItemOutput struct {
		Responses   map[string][]item     `json:"Responses"`
		Unprocessed map[string]*batchKeys `json:"UnprocessedKeys"`
		Consumed    []consumedCapacity    `json:"ConsumedCapacity,omitempty"`
	}
)

// batchGetItem answers up to 16 MB; what is beyond is unprocessed.
func (s *Server) batchGetItem(in *batchGetItemInput) (*batchGetItemOutput, error) {
	count := 0
	for _, keys := range in.RequestItems {
		count += len(keys.Keys)
	}
	switch {
	case count == 0:
		return nil, invalid("The batch get request list cannot be null or empty; it may have %d keys", maxBatchGet)
	case count > maxBatchGet:
		return nil, invalid("Too many items requested for the BatchGetItem call")
	}
	if err := checkCapacityMode(in.ReturnConsumedCapacity); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	out := &batchGetItemOutput{Responses: map[string][]item{}, Unprocessed: map[string]*batchKeys{}}
	used := usages{}
	bytes := 0
	for _, name := range slices.Sorted(maps.Keys(in.RequestItems)) {
		t, paths, err := s.bindKeys(name, in.RequestItems[name])
		if err != nil {
			return nil, err
		}
		request := in.RequestItems[name]
		out.Responses[name] = []item{}
		for i, key := range request.Keys {
			found, size := t.get(t.schema.position(key))
			if bytes += size; bytes > maxBatchBytes {
				rest := *request
				rest.Keys = request.Keys[i:]
				out.Unprocessed[name] = &rest
				break
			}
			used.of(t.name).table += readUnits(size, request.ConsistentRead)
			if found != nil {
				out.Responses[name] = append(out.Responses[name], projectOptional(found, paths))
			}
		}
	}
	out.Consumed = used.report(in.ReturnConsumedCapacity)
	return out, nil
}

func (s *Server) bindKeys(name string, keys *batchKeys) (*table, []path, error) {
	t, err := s.table(name)
	if err != nil {
		return nil, nil, err
	}
	if len(keys.Keys) == 0 {
		return nil, nil, missing("requestItems." + name + ".member.keys")
	}
	names := bindings{Names: keys.Names}
	if err := names.check(); err != nil {
		return nil, nil, err
	}
	paths, err := names.projection(keys.ProjectionExpression)
	if err == nil {
		err = names.checkUsed(paths != nil)
	}
	seen := map[string]bool{}
	for _, key := range keys.Keys {
		if err == nil {
			err = t.schema.checkKey(key)
		}
		if err != nil {
			return nil, nil, err
		}
		identity := t.schema.position(key).identity()
		if seen[identity] {
			return nil, nil, invalid("Provided list of item keys contains duplicates")
		}
		seen[identity] = true
	}
	return t, paths, nil
}

type (
	batchWriteItemInput struct {
		RequestItems                map[string][]batchWrite `json:"RequestItems"`
		ReturnConsumedCapacity      string                  `json:"ReturnConsumedCapacity"`
		ReturnItemCollectionMetrics string                  `json:"ReturnItemCollectionMetrics"`
	}
	batchWrite struct {
		PutRequest    *batchPut    `json:"PutRequest,omitzero"`
		DeleteRequest *batchDelete `json:"DeleteRequest,omitzero"`
	}
	batchPut struct {
		Item item `json:"Item"`
	}
	batchDelete struct {
		Key item `json:"Key"`
	}
	batchWriteItemOutput struct {
		Unprocessed map[string][]batchWrite `json:"UnprocessedItems"`
		Consumed    []consumedCapacity      `json:"ConsumedCapacity,omitempty"`
	}
)

// batchWriteItem writes everything, or nothing where a request is invalid. What
// a transaction holds is unprocessed.
func (s *Server) batchWriteItem(in *batchWriteItemInput) (*batchWriteItemOutput, error) {
	count := 0
	for _, writes := range in.RequestItems {
		count += len(writes)
	}
	switch {
	case count == 0:
		return nil, invalid("The batch write request list for a table cannot be null or empty; it may have %d requests", maxBatchWrite)
	case count > maxBatchWrite:
		return nil, invalid("Too many items requested for the BatchWriteItem call")
	}
	if err := checkCapacityMode(in.ReturnConsumedCapacity); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	writes, err := s.bindBatch(in.RequestItems)
	if err != nil {
		return nil, err
	}
	out := &batchWriteItemOutput{Unprocessed: map[string][]batchWrite{}}
	used := usages{}
	for _, w := range writes {
		if w.table.free(w.at) != nil {
			out.Unprocessed[w.tableName] = append(out.Unprocessed[w.tableName], w.request)
			continue
		}
		if err := w.evaluate(); err != nil {
			return nil, err
		}
		used.of(w.table.name).merge(s.commit(&w.write), 1)
	}
	out.Consumed = used.report(in.ReturnConsumedCapacity)
	return out, nil
}

type boundBatchWrite struct {
	write

	request batchWrite
}

func (s *Server) bindBatch(requests map[string][]batchWrite) ([]boundBatchWrite, error) {
	var writes []boundBatchWrite
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(requests)) {
		for _, request := range requests[name] {
			w := boundBatchWrite{request: request}
			switch {
			case request.PutRequest != nil && request.DeleteRequest == nil && request.PutRequest.Item != nil:
				w.write = write{verb: verbPut, tableName: name, item: request.PutRequest.Item}
			case request.DeleteRequest != nil && request.PutRequest == nil && request.DeleteRequest.Key != nil:
				w.write = write{verb: verbDelete, tableName: name, key: request.DeleteRequest.Key}
			default:
				return nil, invalid("A WriteRequest is to have either a PutRequest with an Item or a DeleteRequest with a Key")
			}
			if err := s.bind(&w.write); err != nil {
				return nil, err
			}
			identity := name + "/" + w.at.identity()
			if seen[identity] {
				return nil, invalid("Provided list of item keys contains duplicates")
			}
			seen[identity] = true
			writes = append(writes, w)
		}
	}
	return writes, nil
}
