package dynamodb_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/dynamodbstreams"
	streamtypes "github.com/aws/aws-sdk-go-v2/service/dynamodbstreams/types"
	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs/local/internal/dynamodb"
)

func (s *service) timeToLive(t *testing.T, table, attribute string, enabled bool) error {
	t.Helper()
	_, err := s.UpdateTimeToLive(t.Context(), &ddb.UpdateTimeToLiveInput{
		TableName:               &table,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: &attribute, Enabled: &enabled},
	})
	return err
}

func (s *service) putExpiring(t *testing.T, id string, at time.Time) {
	t.Helper()
	s.putItem(t, "sessions", item{"id": text(id), "until": integer(at.Unix())})
}

func TestExpiryWakesReaders(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dynamodb.Options{})
		s.newTable(t, "sessions")
		s.putExpiring(t, "before", time.Now().Add(time.Hour))
		require.NoError(t, s.timeToLive(t, "sessions", "until", true))
		s.putExpiring(t, "moved", time.Now().Add(time.Minute))
		s.putExpiring(t, "moved", time.Now().Add(24*time.Hour))
		s.putExpiring(t, "first", time.Now().Add(30*time.Minute))
		stream, shard := s.stream(t, "sessions")
		after, err := s.server.Latest(t.Context(), stream, shard)
		require.NoError(t, err)
		for _, want := range []struct {
			id    string
			after time.Duration
		}{{"first", 30 * time.Minute}, {"before", 30 * time.Minute}, {"moved", 23 * time.Hour}} {
			begin := time.Now()
			records, err := s.server.Read(t.Context(), stream, shard, after, 10)
			require.NoError(t, err)
			require.Len(t, records, 1)
			require.Equal(t, want.after, time.Since(begin))
			record := decode(t, records[0])
			require.Equal(t, "REMOVE", record.EventName)
			require.JSONEq(t, `{"id":{"S":"`+want.id+`"}}`, record.Keys)
			require.Equal(t, "Service", record.UserIdentity.Type)
			require.Equal(t, "dynamodb.amazonaws.com", record.UserIdentity.PrincipalID)
			require.Nil(t, s.get(t, "sessions", want.id))
			after = records[0].SequenceNumber
		}
		horizon, err := s.iterator(t, stream, shard, streamtypes.ShardIteratorTypeAtSequenceNumber, after)
		require.NoError(t, err)
		out, err := s.streams.GetRecords(t.Context(), &dynamodbstreams.GetRecordsInput{ShardIterator: horizon})
		require.NoError(t, err)
		require.Equal(t, "dynamodb.amazonaws.com", *out.Records[0].UserIdentity.PrincipalId)
	})
}

func TestWhatExpires(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	clock := now
	s := start(t, dynamodb.Options{Now: func() time.Time { return clock }})
	s.newTable(t, "sessions")
	require.NoError(t, s.timeToLive(t, "sessions", "until", true))
	requireCode(t, s.timeToLive(t, "sessions", "until", true), validation)
	requireCode(t, s.timeToLive(t, "sessions", "other", false), validation)
	for id, until := range map[string]types.AttributeValue{
		"due": integer(now.Unix()), "fraction": number("1795608000.75"), "soon": integer(now.Unix() + 1),
		"ancient": integer(now.Add(-6 * 366 * 24 * time.Hour).Unix()), "text": text("1"), "negative": number("-5"), "millis": integer(now.UnixMilli()),
	} {
		s.putItem(t, "sessions", item{"id": text(id), "until": until})
	}
	present := func() (present []string) {
		for _, id := range []string{"due", "fraction", "soon", "ancient", "text", "negative", "millis"} {
			if s.get(t, "sessions", id) != nil {
				present = append(present, id)
			}
		}
		return present
	}
	require.Equal(t, []string{"soon", "ancient", "text", "negative", "millis"}, present())
	clock = now.Add(time.Second)
	require.Equal(t, []string{"ancient", "text", "negative", "millis"}, present())
	require.NoError(t, s.timeToLive(t, "sessions", "until", false))
	requireCode(t, s.timeToLive(t, "sessions", "until", false), validation)
	s.putExpiring(t, "due", now)
	require.NotNil(t, s.get(t, "sessions", "due"))
}

// A program may not rely on expired items being gone.
func TestExpiredItemsLinger(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := start(t, dynamodb.Options{Linger: 48 * time.Hour})
		s.newTable(t, "sessions")
		require.NoError(t, s.timeToLive(t, "sessions", "until", true))
		s.putExpiring(t, "1", time.Now().Add(time.Minute))
		time.Sleep(48 * time.Hour)
		require.NotNil(t, s.get(t, "sessions", "1"))
		time.Sleep(time.Minute)
		require.Nil(t, s.get(t, "sessions", "1"))
	})
}

func TestTimerIsTheCallers(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	var due []time.Time
	var fire func()
	stopped := 0
	s := start(t, dynamodb.Options{
		Now: func() time.Time { return now },
		At: func(at time.Time, f func()) func() {
			due, fire = append(due, at), f
			return func() { stopped++ }
		},
	})
	s.newTable(t, "sessions")
	require.NoError(t, s.timeToLive(t, "sessions", "until", true))
	s.putExpiring(t, "late", now.Add(time.Hour))
	s.putExpiring(t, "early", now.Add(time.Minute))
	require.Equal(t, []time.Time{now.Add(time.Hour), now.Add(time.Minute)}, inUTC(due))
	require.Equal(t, 1, stopped)
	now = now.Add(time.Minute)
	fire()
	require.Len(t, due, 3)
	stream, shard := s.stream(t, "sessions")
	records, err := s.server.Read(t.Context(), stream, shard, "", 10)
	require.NoError(t, err)
	require.Len(t, records, 3)
	_, err = s.DeleteTable(t.Context(), &ddb.DeleteTableInput{TableName: aws.String("sessions")})
	require.NoError(t, err)
	require.Equal(t, 2, stopped)
}

func inUTC(times []time.Time) []time.Time {
	for i, at := range times {
		times[i] = at.UTC()
	}
	return times
}
