package doctor

import "github.com/lambda-cqrs/cqrs"

// tasks checks the states that call the function, by the policies of those who handle
// them.
func (r *report) tasks(rules []cqrs.Rule) {
	for _, t := range r.deployment.Tasks {
		if !t.Token {
			continue
		}
		policies := []cqrs.Policy{r.code.Config.Policy}
		for _, rule := range rules {
			if rule.TaskType != "" && rule.TaskType == t.Type {
				policies = r.code.policies(rule.Event)
			}
		}
		for _, p := range policies {
			r.task(t, p)
		}
	}
}

func (r *report) task(t Task, policy cqrs.Policy) {
	name, beat := t.Machine+"/"+t.State, policy.Times().Heartbeat
	switch {
	case policy.Callback == nil:
		r.add(Error, "task-callback", name, "Give the policy a Callback, such as sfntask.New",
			"the state waits for its task token, and the code tells nobody: it waits for its timeout")
	case t.Timeout == 0 && t.Heartbeat == 0:
		r.add(Warning, "task-timeout", name, "Set TimeoutSeconds and HeartbeatSeconds",
			"a task whose function is killed is waited for a year")
	case t.Timeout > 0 && t.Timeout < r.deployment.Function.Timeout:
		r.add(Warning, "task-timeout", name, "Make TimeoutSeconds longer than the function's timeout",
			"the state gives up after %v, and the function may still be at it for %v: what it does then nobody hears of",
			t.Timeout, r.deployment.Function.Timeout)
	case t.Heartbeat == 0 && beat > 0:
		r.add(Note, "task-heartbeat", name, "Set HeartbeatSeconds to three times HeartbeatEvery",
			"the code sends heartbeats, and the state does not wait for them: a killed function is noticed at its timeout")
	case t.Heartbeat > 0 && beat == 0:
		r.add(Error, "task-heartbeat", name, "Give the policy cqrs.HeartbeatEvery, a third of HeartbeatSeconds",
			"the state wants a heartbeat within %v, and the code sends none: what takes longer fails", t.Heartbeat)
	case t.Heartbeat > 0 && 2*beat >= t.Heartbeat:
		r.add(Warning, "task-heartbeat", name, "Make HeartbeatEvery a third of HeartbeatSeconds",
			"the state wants a heartbeat within %v, and the code sends one every %v: one that is lost fails the task",
			t.Heartbeat, beat)
	}
}
