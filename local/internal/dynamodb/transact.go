package dynamodb

import (
	"crypto/sha256"
	"time"

	"github.com/go-json-experiment/json/jsontext"
)

const (
	maxTransaction      = 100
	maxTransactionBytes = 4 << 20
	maxRequestToken     = 36

	// requestTokenLifetime counts from the end of a transaction.
	requestTokenLifetime = 10 * time.Minute
)

type (
	transactWriteItemsInput struct {
		TransactItems               jsontext.Value `json:"TransactItems"` // []transactWrite
		ClientRequestToken          string         `json:"ClientRequestToken"`
		ReturnConsumedCapacity      string         `json:"ReturnConsumedCapacity"`
		ReturnItemCollectionMetrics string         `json:"ReturnItemCollectionMetrics"`
	}
	transactWrite struct {
		ConditionCheck *deletion     `json:"ConditionCheck"`
		Put            *put          `json:"Put"`
		Delete         *deletion     `json:"Delete"`
		Update         *modification `json:"Update"`
	}
	transactWriteItemsOutput struct {
		Consumed []consumedCapacity `json:"ConsumedCapacity,omitempty"`
	}
)

// requestToken is a transaction that was, or is being, done under a token of the
// client.
type requestToken struct {
	request  [sha256.Size]byte
	expires  time.Time // zero while it is in progress
	replayed usages
}

func (s *Server) transactWriteItems(in *transactWriteItemsInput) (*transactWriteItemsOutput, error) {
	writes, err := in.prepare()
	if err != nil {
		return nil, err
	}
	// The members of an object come in any order; the request is the same.
	if err := in.TransactItems.Canonicalize(); err != nil {
		return nil, serialization("%v", err)
	}
	request := sha256.Sum256(in.TransactItems)

	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	if done, err := s.findToken(in.ClientRequestToken, request); err != nil || done != nil {
		if err != nil {
			return nil, err
		}
		return &transactWriteItemsOutput{done.replayed.report(in.ReturnConsumedCapacity)}, nil
	}
	if err := s.bindAll(writes); err != nil {
		return nil, err
	}
	if in.ClientRequestToken != "" {
		s.tokens[in.ClientRequestToken] = &requestToken{request: request}
	}
	used, replayed, err := s.transact(writes)
	if err != nil {
		delete(s.tokens, in.ClientRequestToken)
		return nil, err
	}
	if in.ClientRequestToken != "" {
		expires := s.options.Now().Add(requestTokenLifetime)
		s.tokens[in.ClientRequestToken] = &requestToken{request, expires, replayed}
		s.expiring = append(s.expiring, in.ClientRequestToken)
	}
	reports := used.report(in.ReturnConsumedCapacity)
	for i := range reports {
		reports[i].Write = reports[i].CapacityUnits
	}
	return &transactWriteItemsOutput{reports}, nil
}

func (in *transactWriteItemsInput) prepare() ([]*write, error) {
	var items []transactWrite
	if len(in.TransactItems) > 0 {
		if err := decode(in.TransactItems, &items); err != nil {
			return nil, err
		}
	}
	if err := firstError(checkActions(items), checkCapacityMode(in.ReturnConsumedCapacity)); err != nil {
		return nil, err
	}
	if len(in.ClientRequestToken) > maxRequestToken {
		return nil, violation("clientRequestToken", "'"+in.ClientRequestToken+"'", "have length less than or equal to %d", maxRequestToken)
	}
	writes := make([]*write, len(items))
	for i := range items {
		w, err := items[i].prepare()
		if err != nil {
			return nil, err
		}
		writes[i] = w
	}
	return writes, nil
}

func (t *transactWrite) prepare() (*write, error) {
	given := 0
	for _, present := range []bool{t.ConditionCheck != nil, t.Put != nil, t.Delete != nil, t.Update != nil} {
		if present {
			given++
		}
	}
	switch {
	case given != 1:
		return nil, invalid("TransactItems can only contain one of Check, Put, Update or Delete")
	case t.Put != nil:
		return t.Put.prepare()
	case t.Delete != nil:
		return t.Delete.prepare()
	case t.ConditionCheck != nil && t.ConditionCheck.ConditionExpression == nil:
		return nil, missing("transactItems.member.conditionCheck.conditionExpression")
	case t.ConditionCheck != nil:
		w, err := t.ConditionCheck.prepare()
		if err == nil {
			w.verb = verbCheck
		}
		return w, err
	case t.Update.UpdateExpression == nil:
		return nil, missing("transactItems.member.update.updateExpression")
	default:
		return t.Update.prepare()
	}
}

// findToken returns the transaction that was done under the token, if any.
func (s *Server) findToken(token string, request [sha256.Size]byte) (*requestToken, error) {
	now := s.options.Now()
	for len(s.expiring) > 0 && now.After(s.tokens[s.expiring[0]].expires) {
		delete(s.tokens, s.expiring[0])
		s.expiring = s.expiring[1:]
	}
	t, ok := s.tokens[token]
	switch {
	case !ok:
		return nil, nil
	case t.request != request:
		return nil, &apiError{code: codeMismatch, message: "The request uses the same client token as a previous, " +
			"but non-identical request. Do not reuse a client token with different requests, unless the requests are identical"}
	case t.expires.IsZero():
		return nil, &apiError{code: codeInProgress, message: "The transaction with the given request token is already in progress."}
	}
	return t, nil
}

// decide checks the actions of a transaction one by one. Its error is that of the
// transaction: what one of them says of all, or the reasons of each.
func decide(actions int, check func(i int) error) error {
	failed := false
	reasons := make([]cancellationReason, actions)
	for i := range reasons {
		reasons[i] = cancellationReason{Code: "None"}
		if err := check(i); err != nil {
			failure := asAPIError(err)
			if failure.whole {
				return failure
			}
			failed = true
			reasons[i] = failure.reason()
		}
	}
	if failed {
		return cancelled(reasons)
	}
	return nil
}

// bindAll binds the actions and refuses two of them on one item.
func (s *Server) bindAll(writes []*write) error {
	seen := map[string]bool{}
	return decide(len(writes), func(i int) error {
		w := writes[i]
		if err := s.bind(w); err != nil {
			return err
		}
		identity := w.table.name + "/" + w.at.identity()
		if seen[identity] {
			return invalid("Transaction request cannot include multiple operations on one item").ofAll()
		}
		seen[identity] = true
		return nil
	})
}

// transact does all of the writes, or none and says why. replayed is what a
// repeated request consumes: it reads the items.
func (s *Server) transact(writes []*write) (used, replayed usages, err error) {
	if err := decide(len(writes), func(i int) error { return writes[i].table.free(writes[i].at) }); err != nil {
		return nil, nil, err
	}
	if s.options.Hold != nil {
		s.hold(writes)
	}
	bytes := 0
	err = decide(len(writes), func(i int) error {
		err := writes[i].evaluate()
		bytes += max(writes[i].old.size(), writes[i].replacement.size())
		return err
	})
	switch {
	case err != nil:
		return nil, nil, err
	case bytes > maxTransactionBytes:
		return nil, nil, invalid("Transaction size exceeds the limit of 4 MB")
	}
	used, replayed = usages{}, usages{}
	for _, w := range writes {
		used.of(w.table.name).merge(s.commit(w), 2)
		replayed.of(w.table.name).table += 2 * readUnits(w.replacement.size(), true)
	}
	return used, replayed, nil
}

// hold lets others run while the items are held.
func (s *Server) hold(writes []*write) {
	for _, w := range writes {
		w.table.held[w.at.identity()] = true
	}
	s.mu.Unlock()
	defer func() {
		s.mu.Lock()
		for _, w := range writes {
			delete(w.table.held, w.at.identity())
		}
	}()
	s.options.Hold()
}

type (
	transactGetItemsInput struct {
		TransactItems          []transactGet `json:"TransactItems"`
		ReturnConsumedCapacity string        `json:"ReturnConsumedCapacity"`
	}
	transactGet struct {
		Get *keyRead `json:"Get"`
	}
	transactGetItemsOutput struct {
		Responses []itemResponse     `json:"Responses"`
		Consumed  []consumedCapacity `json:"ConsumedCapacity,omitempty"`
	}
	itemResponse struct {
		Item item `json:"Item,omitzero"`
	}
)

func (s *Server) transactGetItems(in *transactGetItemsInput) (*transactGetItemsOutput, error) {
	if err := firstError(checkActions(in.TransactItems), checkCapacityMode(in.ReturnConsumedCapacity)); err != nil {
		return nil, err
	}
	paths := make([][]path, len(in.TransactItems))
	for i, get := range in.TransactItems {
		if get.Get == nil {
			return nil, missing("transactItems.member.get")
		}
		var err error
		if paths[i], err = get.Get.prepare(); err != nil {
			return nil, err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	out := &transactGetItemsOutput{}
	used := usages{}
	err := decide(len(in.TransactItems), func(i int) error {
		get := in.TransactItems[i].Get
		t, err := s.table(get.TableName)
		if err != nil {
			return err
		}
		if err := t.schema.checkKey(get.Key); err != nil {
			return err
		}
		at := t.schema.position(get.Key)
		found, size := t.get(at)
		used.of(t.name).table += 2 * readUnits(size, true)
		out.Responses = append(out.Responses, itemResponse{projectOptional(found, paths[i])})
		return t.free(at)
	})
	if err != nil {
		return nil, err
	}
	out.Consumed = used.report(in.ReturnConsumedCapacity)
	for i := range out.Consumed {
		out.Consumed[i].Read = out.Consumed[i].CapacityUnits
	}
	return out, nil
}
