package cqrstest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
)

// simulation is one run of a scenario, as far as its processes see it.
type simulation struct {
	schedule  schedule
	crossing  *crossing // nil where there is one worker
	workers   int
	mu        sync.Mutex
	effects   int
	lines     []string
	processes []*Process
}

// step is one effect.
type step struct {
	number                  int
	name                    string
	crashBefore, crashAfter bool
}

// await lets the other workers go first, where there are any.
func (s *simulation) await(worker int) {
	if s.crossing != nil {
		s.crossing.await(worker)
	}
}

// begin counts an effect and says whether the process crashes at it.
func (s *simulation) begin(p *Process, name string) step {
	s.mu.Lock()
	s.effects++
	step := step{number: s.effects, name: name}
	s.mu.Unlock()
	for _, c := range s.schedule.crashes {
		if c.effect == step.number {
			step.crashBefore = step.crashBefore || !c.after
			step.crashAfter = step.crashAfter || c.after
		}
	}
	if step.crashBefore {
		s.note(p, fmt.Sprintf("%3d   %s: crash before it", step.number, name))
	}
	return step
}

func (s *simulation) end(p *Process, step step, err error) {
	line := fmt.Sprintf("%3d   %s", step.number, step.name)
	if err != nil {
		line += ": " + err.Error()
	}
	if step.crashAfter {
		line += ": crash after it"
	}
	s.note(p, line)
}

func (s *simulation) note(p *Process, line string) {
	if s.workers > 1 {
		line = fmt.Sprintf("worker %d  %s", p.worker, line)
	}
	s.add(line)
}

func (s *simulation) add(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines = append(s.lines, line)
}

func (s *simulation) newProcess(worker, number int) *Process {
	p := &Process{simulation: s, worker: worker, number: number}
	p.alive, p.die = context.WithCancelCause(context.Background())
	s.mu.Lock()
	defer s.mu.Unlock()
	s.processes = append(s.processes, p)
	return p
}

// outcome is how a run ended.
type outcome struct {
	end     any
	err     error // it did not come to rest
	effects int
	lines   []string
	order   []int // the choices that counted, where there were any
}

// simulate runs the scenario by a schedule, in a bubble unless time is real.
func (s *Scenario[S]) simulate(t *testing.T, schedule schedule) (result outcome) {
	t.Helper()
	if s.RealTime {
		return s.run(schedule)
	}
	synctest.Test(t, func(*testing.T) { result = s.run(schedule) })
	return result
}

func (s *Scenario[S]) run(schedule schedule) outcome {
	sim := &simulation{schedule: schedule, workers: 1}
	if schedule.interleaved {
		sim.workers = s.Workers
		pause := s.Visibility + time.Second
		sim.crossing = newCrossing(s.Workers, schedule.order, pause, func() {
			sim.add(fmt.Sprintf("          pause of %v", pause))
		})
	}
	state := s.State()
	stuck := make([]error, sim.workers)
	var group sync.WaitGroup
	for i := range sim.workers {
		group.Go(func() {
			w := &worker[S]{scenario: s, simulation: sim, state: state, id: i + 1}
			stuck[i] = w.work()
		})
	}
	if sim.crossing != nil {
		sim.crossing.run(&group)
	}
	group.Wait()
	time.Sleep(s.Visibility) // for what the function has left running behind its answers
	if !s.RealTime {
		synctest.Wait()
	}
	var result outcome
	for _, err := range stuck {
		if result.err == nil {
			result.err = err
		}
	}
	result.end = s.End(state)
	for _, p := range sim.processes {
		p.kill()
	}
	sim.mu.Lock()
	defer sim.mu.Unlock()
	result.lines, result.effects = sim.lines, sim.effects
	if sim.crossing != nil {
		result.order = sim.crossing.made
	}
	return result
}

// worker is one execution environment, with one process after the other.
type worker[S any] struct {
	scenario   *Scenario[S]
	simulation *simulation
	state      S
	id         int
	started    int
	process    *Process
	handler    lambda.Handler
}

// work delivers every payload until nothing of it is left.
func (w *worker[S]) work() error {
	for i, payload := range w.scenario.Payloads {
		if err := w.workOff(i, payload); err != nil {
			return err
		}
	}
	return nil
}

func (w *worker[S]) workOff(number int, payload Payload) error {
	s := w.scenario
	var last string
	for range s.Deliveries {
		w.simulation.await(w.id)
		answer, answered := w.deliver(number, payload)
		more := true
		if answered {
			last = describeAnswer(answer)
			payload, more = w.rest(payload, answer)
		} else {
			last = "no answer: the process crashed"
			payload = payload.Again()
		}
		if s.MaxReceives > 0 && more && payload.Len() > 0 {
			payload = payload.WithoutExhausted(s.MaxReceives)
			more = payload.Len() > 0
		}
		if !more {
			return nil
		}
		time.Sleep(s.Visibility)
	}
	return fmt.Errorf("payload %d is still not done after %d deliveries; the last: %s", number+1, s.Deliveries, last)
}

func (w *worker[S]) rest(payload Payload, answer Answer) (Payload, bool) {
	if w.scenario.Work != nil {
		return payload, answer.Err != nil
	}
	return payload.Redelivery(answer)
}

// deliver makes one invocation, in a new process where the last one has
// crashed. It reports false where there was no answer.
func (w *worker[S]) deliver(number int, payload Payload) (answer Answer, answered bool) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() {
			if value := recover(); value != nil {
				w.simulation.note(w.process, fmt.Sprintf("      the process panicked: %v", value))
				w.process.kill()
			}
		}()
		if w.process == nil || w.process.dead.Load() {
			w.start()
		}
		w.simulation.note(w.process, fmt.Sprintf("process %d gets payload %d", w.process.number, number+1))
		got := call{ctx: w.process.alive, timeout: w.scenario.Timeout}.invoke(w.handler, payload)
		if w.process.dead.Load() {
			return
		}
		answer, answered = got, true
		w.simulation.note(w.process, "      "+describeAnswer(answer))
	}()
	<-done
	return answer, answered
}

func (w *worker[S]) start() {
	w.started++
	w.process = w.simulation.newProcess(w.id, w.started)
	handler, err := w.scenario.Start(w.process, w.state)
	if err != nil {
		panic(fmt.Sprintf("Start failed: %v", err))
	}
	w.handler = handler
}

func describeAnswer(a Answer) string {
	if a.Err != nil {
		return "error: " + a.Err.Error()
	}
	return "answer: " + string(a.JSON)
}
