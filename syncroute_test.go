package cqrs_test

import (
	"context"
	"encoding/json"
	"errors"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/lambda-cqrs/cqrs"
)

// alarmLog keeps alarms.
type alarmLog struct {
	mu     sync.Mutex
	alarms []cqrs.Alarm
}

func (l *alarmLog) Alarm(_ context.Context, a cqrs.Alarm) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.alarms = append(l.alarms, a)
	return nil
}

func (l *alarmLog) all() []cqrs.Alarm {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.alarms
}

const commandStreamARN = "arn:aws:dynamodb:eu-west-1:123456789012:table/" + commandTable + "/stream/2026-11-01T00:00:00.000"

// commandRecord is the stream record of a command row.
func commandRecord(t tester, c cqrs.Command[order], name string) map[string]any {
	t.Helper()
	row := orderRow(t, c)
	at := row.Key.At(row.Version)
	row.Key = at
	item, err := cqrs.EncodeRow(row)
	require.NoError(t, err)
	change := map[string]any{
		"Keys":           map[string]any{"pk": map[string]any{"S": at.PK}, "sk": map[string]any{"S": at.SK}},
		"SequenceNumber": strconv.FormatInt(1000+c.Version, 10), "StreamViewType": "NEW_AND_OLD_IMAGES",
		"ApproximateCreationDateTime": 1479499740,
	}
	image := "NewImage"
	if name == "REMOVE" {
		image = "OldImage"
	}
	change[image] = item
	return map[string]any{
		"eventID": at.SK, "eventName": name, "eventSource": "aws:dynamodb", "awsRegion": "eu-west-1",
		"eventSourceARN": commandStreamARN, "dynamodb": change,
	}
}

func streamOf(t tester, records ...map[string]any) []byte {
	t.Helper()
	payload, err := json.Marshal(map[string]any{"Records": records})
	require.NoError(t, err)
	return payload
}

func syncDispatcher(t tester, s *cqrs.DataSync[order]) *cqrs.Dispatcher {
	t.Helper()
	r := cqrs.NewRegistry()
	cqrs.RegisterDataSync(r, s)
	d, err := cqrs.New(cqrs.Config{Registry: r, Logger: quiet()})
	require.NoError(t, err)
	return d
}

func TestStreamRecordsGoToTheDataSync(t *testing.T) {
	t.Parallel()
	model := newReadModel()
	s := cqrs.NewDataSync(commandTable, cqrs.NewMemorySync(), cqrs.Target("rds", model))
	d := syncDispatcher(t, s)
	answer, err := d.Invoke(t.Context(), streamOf(t,
		commandRecord(t, orderAt("1", 2), "INSERT"),
		commandRecord(t, orderAt("1", 1), "INSERT"),
		commandRecord(t, orderAt("2", 1), "INSERT"),
		commandRecord(t, orderAt("1", 2), "MODIFY"), // ttl was set
		commandRecord(t, orderAt("1", 1), "REMOVE"), // its time to live is over
	))
	require.NoError(t, err)
	require.JSONEq(t, `{"batchItemFailures":[]}`, string(answer))
	require.Equal(t, []int64{2}, model.versions("1"))
	require.Equal(t, []int64{1}, model.versions("2"))
	require.Equal(t, orderAt("1", 2), model.state[orderKey("1")], "lossless")
}

func TestOtherTablesGoThroughTheFactory(t *testing.T) {
	t.Parallel()
	r := cqrs.NewRegistry()
	model := newReadModel()
	cqrs.RegisterDataSync(r, cqrs.NewDataSync(commandTable, cqrs.NewMemorySync(), cqrs.Target("rds", model)))
	var changes int
	cqrs.RegisterFunc(r, func(context.Context, cqrs.Change[order]) error { changes++; return nil })
	mux := cqrs.NewMux()
	cqrs.OnChange[order](mux, cqrs.Table("orders"))
	d, err := cqrs.New(cqrs.Config{Factory: mux, Registry: r, Logger: quiet()})
	require.NoError(t, err)
	other := commandRecord(t, orderAt("1", 1), "INSERT")
	other["eventSourceARN"] = streamARN
	_, err = d.Invoke(t.Context(), streamOf(t, commandRecord(t, orderAt("1", 1), "INSERT"), other))
	require.NoError(t, err)
	require.Equal(t, 1, changes)
	require.Equal(t, []int64{1}, model.versions("1"))
}

func TestADispatcherForDataSyncAlone(t *testing.T) {
	t.Parallel()
	d := syncDispatcher(t, cqrs.NewDataSync(commandTable, cqrs.NewMemorySync(), cqrs.Target("rds", newReadModel())))
	other := commandRecord(t, orderAt("1", 1), "INSERT")
	other["eventSourceARN"] = streamARN
	_, err := d.Invoke(t.Context(), streamOf(t, other))
	require.ErrorIs(t, err, cqrs.ErrUnrouted, "nothing is acknowledged by accident")

	_, err = cqrs.New(cqrs.Config{Registry: cqrs.NewRegistry()})
	require.ErrorContains(t, err, "Config.Factory is missing")
}

func TestStreamFailureIsReportedAndMiddlewareApplies(t *testing.T) {
	t.Parallel()
	model := newReadModel()
	model.fail = func(c cqrs.Command[order]) error {
		if c.SK == "2" {
			return errors.New("down")
		}
		return nil
	}
	var routes []string
	r := cqrs.NewRegistry(func(next cqrs.Next) cqrs.Next {
		return func(ctx context.Context, d *cqrs.Delivery) (any, error) {
			routes = append(routes, d.Route)
			return next(ctx, d)
		}
	})
	cqrs.RegisterDataSync(r, cqrs.NewDataSync(commandTable, cqrs.NewMemorySync(), cqrs.Target("rds", model)))
	d, err := cqrs.New(cqrs.Config{Registry: r, Logger: quiet()})
	require.NoError(t, err)
	answer, err := d.Invoke(t.Context(), streamOf(t,
		commandRecord(t, orderAt("1", 1), "INSERT"), commandRecord(t, orderAt("2", 3), "INSERT")))
	require.NoError(t, err)
	require.JSONEq(t, `{"batchItemFailures":[{"itemIdentifier":"1003"}]}`, string(answer))
	require.Equal(t, []string{"sync." + commandTable, "sync." + commandTable}, routes)
}

func TestStreamRefusesWhatIsNoCommand(t *testing.T) {
	t.Parallel()
	model := newReadModel()
	d := syncDispatcher(t, cqrs.NewDataSync(commandTable, cqrs.NewMemorySync(), cqrs.Target("rds", model)))
	keys := func(record map[string]any) map[string]any {
		return record["dynamodb"].(map[string]any)["Keys"].(map[string]any)
	}
	bare := commandRecord(t, orderAt("1", 1), "INSERT")
	keys(bare)["sk"] = map[string]any{"S": "1"}
	mixed := commandRecord(t, orderAt("1", 1), "INSERT")
	keys(mixed)["sk"] = map[string]any{"S": "1@2"}
	keysOnly := commandRecord(t, orderAt("1", 1), "INSERT")
	delete(keysOnly["dynamodb"].(map[string]any), "NewImage")
	for want, record := range map[string]map[string]any{
		"has no version": bare, "its attribute version": mixed, "no image": keysOnly,
	} {
		_, err := d.Invoke(t.Context(), streamOf(t, record))
		require.ErrorContains(t, err, want)
	}
	require.Empty(t, model.seen)
}

func TestKeysOnlyStreamsAreReadFromTheSource(t *testing.T) {
	t.Parallel()
	model := newReadModel()
	s := cqrs.NewDataSync(commandTable, cqrs.NewMemorySync(), cqrs.Target("rds", model))
	s.UseSource(commandLog{}.add(t, orderAt("1", 1)))
	record := commandRecord(t, orderAt("1", 1), "INSERT")
	delete(record["dynamodb"].(map[string]any), "NewImage")
	_, err := syncDispatcher(t, s).Invoke(t.Context(), streamOf(t, record))
	require.NoError(t, err)
	require.Equal(t, []int64{1}, model.versions("1"))
}

func TestPoisonOnTheStreamIsAcknowledgedOnceParked(t *testing.T) {
	t.Parallel()
	model, store, alarms := newReadModel(), cqrs.NewMemorySync(), &alarmLog{}
	model.fail = func(cqrs.Command[order]) error { return cqrs.Permanent(errors.New("bad")) }
	r := cqrs.NewRegistry()
	cqrs.RegisterDataSync(r, cqrs.NewDataSync(commandTable, store, cqrs.Target("rds", model)))
	d, err := cqrs.New(cqrs.Config{Registry: r, Logger: quiet(), Alarm: alarms})
	require.NoError(t, err)
	for n := int64(1); n <= 2; n++ {
		_, err = d.Invoke(t.Context(), streamOf(t, commandRecord(t, orderAt("1", n), "INSERT")))
		require.NoError(t, err)
	}
	parked := parkedOf(t, store)
	require.Len(t, parked, 1)
	require.Equal(t, int64(2), parked[0].LatestSeen)
	require.Len(t, alarms.all(), 1, "the dispatcher's alarm, once")
}

func TestDivergenceOnTheStreamBlocksNothing(t *testing.T) {
	t.Parallel()
	model, store, alarms := newReadModel(), cqrs.NewMemorySync(), &alarmLog{}
	r := cqrs.NewRegistry()
	cqrs.RegisterDataSync(r, cqrs.NewDataSync(commandTable, store, cqrs.Target("rds", model)))
	d, err := cqrs.New(cqrs.Config{Registry: r, Logger: quiet(), Alarm: alarms})
	require.NoError(t, err)
	other := orderAt("1", 1)
	other.Attributes.Total = 7
	answer, err := d.Invoke(t.Context(), streamOf(t, commandRecord(t, orderAt("1", 1), "INSERT"), commandRecord(t, other, "MODIFY")))
	require.NoError(t, err)
	require.JSONEq(t, `{"batchItemFailures":[]}`, string(answer))
	require.Len(t, alarms.all(), 1)
	require.Len(t, parkedOf(t, store), 1)
	require.Equal(t, int64(100), model.state[orderKey("1")].Attributes.Total)
}

// lostBlobs is a source whose attributes are kept elsewhere, and gone there.
type lostBlobs struct{ commandLog }

func (lostBlobs) Resolve(context.Context, cqrs.Command[cqrs.Image]) (cqrs.Command[cqrs.Image], error) {
	return cqrs.Command[cqrs.Image]{}, errors.New("no such object")
}

// rowTarget takes rows as they are.
type rowTarget struct {
	readModel

	rows int
}

func (r *rowTarget) SyncRow(context.Context, cqrs.Command[cqrs.Image]) error {
	r.rows++
	return nil
}

func TestAttributesThatAreGoneParkAndBlockNothing(t *testing.T) {
	t.Parallel()
	model, rows, store := newReadModel(), &rowTarget{}, cqrs.NewMemorySync()
	s := cqrs.NewDataSync(commandTable, store, cqrs.Target("rds", model, cqrs.ParkAfter(2)), cqrs.Target("rows", rows)).
		With(cqrs.SyncSource(lostBlobs{commandLog{}}), cqrs.SyncLogger(quiet()))
	row := cqrs.Offload(orderRow(t, orderAt("1", 1)), imageOf(t, `{"uri":{"S":"s3://bucket/key"}}`))
	require.ErrorContains(t, s.ApplyRow(t.Context(), row), "no such object")
	require.NoError(t, s.ApplyRow(t.Context(), row), "parked")
	require.Len(t, parkedOf(t, store), 1)
	require.Equal(t, 1, rows.rows)
	require.Empty(t, model.seen)
}
