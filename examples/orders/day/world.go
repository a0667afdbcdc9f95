package day

import (
	"context"
	"embed"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/lambda-cqrs/cqrs/examples/orders/app"
	"github.com/lambda-cqrs/cqrs/examples/orders/changes/externaltest"
	"github.com/lambda-cqrs/cqrs/examples/orders/notifications"
	"github.com/lambda-cqrs/cqrs/examples/orders/stack"
	"github.com/lambda-cqrs/cqrs/local"
)

//go:embed files templates
var content embed.FS

// world is the shop with all that is around it.
type world struct {
	pace
	background

	options Options
	aws     *local.AWS
	outage  *local.Injection // of the analysts' bucket
	stack   *stack.Stack
	shop    *app.Shop // as the web shop and the operator have it
	systems *externaltest.Server
	outbox  *notifications.Outbox
	alarms  *alarmList
	journal *journal
	board   *board

	directory string
	spared    bool // the directory outlasts a day that did not end, for its log
}

// background is what runs beside the acts, and ends with the day.
type background struct {
	group    sync.WaitGroup
	stop     context.CancelFunc
	cleanups []func() error
}

func (b *background) onClose(f func() error) { b.cleanups = append(b.cleanups, f) }

// close ends everything, the last first.
func (w *world) close() {
	w.stop()
	for _, v := range slices.Backward(w.cleanups) {
		if err := v(); err != nil {
			_, _ = fmt.Fprintln(w.board.out, err)
		}
	}
	w.group.Wait()
}

// opening is the time at which the day begins. It is yesterday's, so that nothing
// expires by the machine's clock that is young by the day's.
func opening() time.Time {
	return time.Now().UTC().Truncate(24 * time.Hour).Add(-17 * time.Hour) // 07:00
}

// open starts the AWS, makes what template.yaml says, and opens the shop.
func open(ctx context.Context, out io.Writer, options Options) (w *world, err error) {
	w = &world{options: options, alarms: &alarmList{}}
	clock := local.NewClock(opening())
	behind, stop := context.WithCancel(ctx)
	w.stop = stop
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	w.board = newBoard(out, len(script()), newJournal(io.Discard), w.alarms)
	if w.directory, err = os.MkdirTemp("", "orders-"); err != nil {
		return w, err
	}
	w.onClose(func() error {
		if w.spared {
			return nil
		}
		return os.RemoveAll(w.directory)
	})
	log, err := os.Create(w.logPath())
	if err != nil {
		return w, err
	}
	w.onClose(log.Close)
	w.journal = newJournal(log)
	w.board.journal = w.journal
	if w.outbox, err = notifications.NewOutbox(w.path("outbox")); err != nil {
		return w, err
	}

	w.systems = externaltest.NewServer()
	external := httptest.NewServer(w.systems)
	w.onClose(func() error { external.Close(); return nil })
	if w.aws, err = local.Start(ctx, append(options.Local, local.UseClock(clock))...); err != nil {
		return w, err
	}
	w.onClose(w.aws.Close)
	parameters := map[string]string{
		"Stage": "day", "DatabaseUrl": w.database(), "ExternalUrl": external.URL, "Outbox": w.path("outbox"),
		"MailFrom": "shop@example.com", "FunctionTimeout": strconv.Itoa(int(functionTimeout.Seconds())),
	}
	if w.stack, err = stack.Up(ctx, w.aws, options.Template, parameters, stack.Code{Process: w.process}); err != nil {
		return w, err
	}
	w.pace = pace{clock: clock, function: w.stack.Function()}
	if err = w.openShop(ctx); err != nil {
		return w, err
	}
	alarms, err := subscribe(ctx, w.shop.SQS, w.shop.SNS, w.shop.AlarmTopic)
	if err != nil {
		return w, err
	}
	w.group.Go(func() { w.alarms.follow(behind, w.shop.SQS, alarms) })
	w.group.Go(func() { w.board.run(behind.Done()) })
	if options.Faults != nil {
		w.kills = options.Faults(w.aws, w.function.Name())
	}
	return w, nil
}

// process starts this program once more, as the function.
func (w *world) process(ctx context.Context) (*exec.Cmd, error) {
	command, err := local.Self(ctx)
	if err != nil {
		return nil, err
	}
	command.Stderr = w.journal.writer()
	return command, nil
}

func (w *world) openShop(ctx context.Context) error {
	settings, err := app.SettingsFrom(w.stack.Variable)
	if err != nil {
		return err
	}
	w.shop, err = app.Open(ctx, settings, w.aws.Config())
	if err != nil {
		return err
	}
	w.onClose(w.shop.Close)
	return nil
}

func (w *world) path(name string) string { return filepath.Join(w.directory, name) }
func (w *world) logPath() string         { return w.path("function.log") }

func (w *world) database() string {
	if w.options.Database != "" {
		return w.options.Database
	}
	return w.path("shop.db")
}
