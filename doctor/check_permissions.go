package doctor

import (
	"slices"
	"strings"
)

// permissions compares what the code asks of AWS with what its role allows, both
// ways.
func (r *report) permissions() {
	statements := r.deployment.Function.Statements
	if statements == nil {
		return
	}
	used := make([]map[string]bool, len(statements))
	for i := range used {
		used[i] = map[string]bool{}
	}
	for _, destination := range r.destinations() { // Lambda sends to them by the function's role
		switch service(destination) {
		case "sqs":
			r.permission(statements, used, "sqs:SendMessage", destination)
		case "sns":
			r.permission(statements, used, "sns:Publish", destination)
		}
	}
	if len(r.code.Calls) == 0 {
		return
	}
	for _, call := range r.code.Calls {
		resources := call.Resources
		if len(resources) == 0 {
			resources = []string{"*"}
		}
		for _, action := range call.Actions {
			for _, resource := range resources {
				r.permission(statements, used, action, resource)
			}
		}
	}
	for i, s := range statements {
		for _, action := range s.Actions {
			switch {
			case !s.Allow:
			case action == "*" || strings.HasSuffix(action, ":*"):
				r.add(Warning, "permission-wide", action, "Name the actions that the code takes",
					"the role may do anything to %s", short(s))
			case !used[i][action] && !ofMappings(action):
				r.add(Warning, "permission-unused", action, "Remove it, or add it to Code.Calls",
					"the role may do it to %s, and the code does not say that it does", short(s))
			}
		}
		if s.Allow && slices.Contains(s.Resources, "*") {
			r.add(Warning, "permission-wide", strings.Join(s.Actions, ", "), "Name the resources",
				"the role may do it to every resource of the account")
		}
	}
}

// destinations are those of the function and of its mappings.
func (r *report) destinations() []string {
	all := []string{r.deployment.Function.AsyncDestination}
	for _, m := range r.deployment.Mappings {
		all = append(all, m.Destination)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// permission looks for what allows an action. A denial under a condition is left
// alone; a permission under one is noted.
func (r *report) permission(statements []Statement, used []map[string]bool, action, resource string) {
	allowed, conditional := false, false
	for i, s := range statements {
		for _, pattern := range s.allows(action, resource) {
			switch {
			case !s.Allow && !s.Conditional:
				r.add(Error, "permission-denied", action, "Remove the denial",
					"the code does it to %s, and a statement denies that", resource)
			case s.Allow:
				used[i][pattern] = true
				allowed, conditional = allowed || !s.Conditional, conditional || s.Conditional
			}
		}
	}
	switch {
	case allowed:
	case conditional:
		r.add(Note, "permission-conditional", action, "See that its condition holds",
			"the code does it to %s, and its role allows that under a condition", resource)
	default:
		r.add(Error, "permission-missing", action, "Add it to the function's policies",
			"the code does it to %s, and its role does not allow that", resource)
	}
}

// allows lists the patterns of a statement that an action upon a resource has.
func (s Statement) allows(action, resource string) (patterns []string) {
	if !s.about(resource) {
		return nil
	}
	is := func(pattern string) bool { return covers(strings.ToLower(pattern), strings.ToLower(action)) }
	for _, pattern := range s.Actions {
		if is(pattern) {
			patterns = append(patterns, pattern)
		}
	}
	if len(s.NotActions) > 0 && !slices.ContainsFunc(s.NotActions, is) {
		patterns = append(patterns, "all but "+strings.Join(s.NotActions, ", "))
	}
	return patterns
}

// about reports whether a statement is about all of what a pattern stands for; a
// denial, about some of it.
func (s Statement) about(resource string) bool {
	match := coversARN
	if !s.Allow {
		match = overlap
	}
	if len(s.NotResources) > 0 {
		return !slices.ContainsFunc(s.NotResources, func(pattern string) bool { return overlap(pattern, resource) })
	}
	return slices.ContainsFunc(s.Resources, func(pattern string) bool { return match(pattern, resource) })
}

// ofMappings are the actions that event source mappings, logs and traces take on the
// function's behalf.
func ofMappings(action string) bool {
	switch action {
	case "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes",
		"dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:ListStreams",
		"kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:ListShards",
		"logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents", "xray:PutTraceSegments", "xray:PutTelemetryRecords":
		return true
	}
	return false
}

func short(s Statement) string {
	if len(s.NotResources) > 0 {
		return "all but " + strings.Join(s.NotResources, ", ")
	}
	resources := s.Resources
	names := make([]string, len(resources))
	for i, resource := range resources {
		if names[i] = lastName(resource); names[i] == "" {
			names[i] = resource
		}
	}
	return strings.Join(names, ", ")
}
