package dynamodb

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	maxRecords       = 1000
	maxRecordBytes   = 1 << 20
	maxStreams       = 100
	iteratorLifetime = 15 * time.Minute
)

type (
	describeStreamInput struct {
		StreamArn             string `json:"StreamArn"`
		ExclusiveStartShardID string `json:"ExclusiveStartShardId"`
		Limit                 *int   `json:"Limit"`
	}
	describeStreamOutput struct {
		Description streamDescription `json:"StreamDescription"`
	}
	streamDescription struct {
		StreamArn      string             `json:"StreamArn"`
		StreamLabel    string             `json:"StreamLabel"`
		StreamStatus   string             `json:"StreamStatus"`
		StreamViewType string             `json:"StreamViewType"`
		TableName      string             `json:"TableName"`
		Created        float64            `json:"CreationRequestDateTime"`
		KeySchema      []keyElement       `json:"KeySchema"`
		Shards         []shardDescription `json:"Shards"`
	}
	shardDescription struct {
		ShardID string        `json:"ShardId"`
		Range   sequenceRange `json:"SequenceNumberRange"`
	}
	sequenceRange struct {
		Starting string `json:"StartingSequenceNumber"`
		Ending   string `json:"EndingSequenceNumber,omitzero"`
	}
)

func (s *Server) describeStream(in *describeStreamInput) (*describeStreamOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st, err := s.stream(in.StreamArn)
	if err != nil {
		return nil, err
	}
	d := streamDescription{
		StreamArn:      st.arn,
		StreamLabel:    st.label,
		StreamStatus:   "ENABLED",
		StreamViewType: st.view,
		TableName:      st.table.name,
		Created:        seconds(st.created),
		KeySchema:      st.table.description.KeySchema,
		Shards:         []shardDescription{{ShardID: st.shard, Range: sequenceRange{Starting: sequenceOf(0)}}},
	}
	if st.closed {
		d.StreamStatus = "DISABLED"
		d.Shards[0].Range.Ending = sequenceOf(max(0, st.seal()-1))
	}
	if in.ExclusiveStartShardID >= st.shard {
		d.Shards = nil
	}
	return &describeStreamOutput{d}, nil
}

type (
	listStreamsInput struct {
		TableName               string `json:"TableName"`
		ExclusiveStartStreamArn string `json:"ExclusiveStartStreamArn"`
		Limit                   *int   `json:"Limit"`
	}
	listStreamsOutput struct {
		Streams                []streamSummary `json:"Streams"`
		LastEvaluatedStreamArn string          `json:"LastEvaluatedStreamArn,omitzero"`
	}
	streamSummary struct {
		StreamArn   string `json:"StreamArn"`
		StreamLabel string `json:"StreamLabel"`
		TableName   string `json:"TableName"`
	}
)

func (s *Server) listStreams(in *listStreamsInput) (*listStreamsOutput, error) {
	limit, err := limitOf(in.Limit, maxStreams)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	out := &listStreamsOutput{Streams: []streamSummary{}}
	for _, arn := range slices.Sorted(maps.Keys(s.streams)) {
		st, err := s.stream(arn)
		if err != nil || arn <= in.ExclusiveStartStreamArn || in.TableName != "" && in.TableName != st.table.name {
			continue
		}
		if len(out.Streams) == limit {
			out.LastEvaluatedStreamArn = out.Streams[limit-1].StreamArn
			break
		}
		out.Streams = append(out.Streams, streamSummary{st.arn, st.label, st.table.name})
	}
	return out, nil
}

type (
	getShardIteratorInput struct {
		StreamArn         string `json:"StreamArn"`
		ShardID           string `json:"ShardId"`
		ShardIteratorType string `json:"ShardIteratorType"`
		SequenceNumber    string `json:"SequenceNumber"`
	}
	getShardIteratorOutput struct {
		ShardIterator string `json:"ShardIterator"`
	}
)

func (s *Server) getShardIterator(in *getShardIteratorInput) (*getShardIteratorOutput, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	st, err := s.shard(in.StreamArn, in.ShardID)
	if err != nil {
		return nil, err
	}
	at := st.trimmed
	switch in.ShardIteratorType {
	case "TRIM_HORIZON":
	case "LATEST":
		at = st.seal()
	case "AT_SEQUENCE_NUMBER", "AFTER_SEQUENCE_NUMBER":
		if at, err = positionOf(in.SequenceNumber); err != nil {
			return nil, err
		}
		if in.ShardIteratorType == "AFTER_SEQUENCE_NUMBER" {
			at++
		}
	default:
		return nil, checkEnum("shardIteratorType", in.ShardIteratorType+" ",
			"AFTER_SEQUENCE_NUMBER", "LATEST", "AT_SEQUENCE_NUMBER", "TRIM_HORIZON")
	}
	if at < st.trimmed {
		return nil, trimmedError()
	}
	return &getShardIteratorOutput{iterator{st.arn, at, s.options.Now()}.String()}, nil
}

// shard finds the stream that has it.
func (s *Server) shard(arn, id string) (*stream, error) {
	st, err := s.stream(arn)
	if err != nil {
		return nil, err
	}
	if id != st.shard {
		return nil, notFound("Requested resource not found: Shard: %s in Stream: %s not found", id, arn)
	}
	return st, nil
}

func trimmedError() error {
	return &apiError{code: codeTrimmed, message: "The operation attempted to read past the oldest stream record in a shard."}
}

// iterator is a place in a stream. Clients do not look into it.
type iterator struct {
	arn    string
	at     int64
	issued time.Time
}

func (i iterator) String() string {
	return base64.URLEncoding.EncodeToString(fmt.Appendf(nil, "%s|%d|%d", i.arn, i.at, i.issued.UnixMilli()))
}

func parseIterator(text string) (i iterator, err error) {
	raw, _ := base64.URLEncoding.DecodeString(text)
	parts := strings.Split(string(raw), "|")
	if len(parts) != 3 {
		return i, invalid("Invalid ShardIterator")
	}
	at, atErr := strconv.ParseInt(parts[1], 10, 64)
	millis, issuedErr := strconv.ParseInt(parts[2], 10, 64)
	if atErr != nil || issuedErr != nil || at < 0 {
		return i, invalid("Invalid ShardIterator")
	}
	return iterator{arn: parts[0], at: at, issued: time.UnixMilli(millis)}, nil
}

type (
	getRecordsInput struct {
		ShardIterator string `json:"ShardIterator"`
		Limit         *int   `json:"Limit"`
	}
	getRecordsOutput struct {
		Records           []streamRecord `json:"Records"`
		NextShardIterator string         `json:"NextShardIterator,omitzero"`
	}
)

func (s *Server) getRecords(in *getRecordsInput) (*getRecordsOutput, error) {
	limit, err := limitOf(in.Limit, maxRecords)
	if err != nil {
		return nil, err
	}
	place, err := parseIterator(in.ShardIterator)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expire()
	now := s.options.Now()
	if now.Sub(place.issued) > iteratorLifetime {
		return nil, &apiError{code: codeExpiredIterator, message: "Iterator expired. The iterator is more than 15 minutes old."}
	}
	st, err := s.stream(place.arn)
	if err != nil {
		return nil, err
	}
	if place.at < st.trimmed {
		return nil, trimmedError()
	}
	out := &getRecordsOutput{Records: []streamRecord{}}
	bytes := 0
	for _, c := range st.from(place.at, limit) {
		r := s.record(st, c, place.at, false)
		if bytes += r.Data.SizeBytes; bytes > maxRecordBytes && len(out.Records) > 0 {
			break
		}
		out.Records = append(out.Records, r)
		place.at++
	}
	if !st.closed || place.at < st.seal() {
		out.NextShardIterator = iterator{st.arn, place.at, now}.String()
	}
	return out, nil
}
