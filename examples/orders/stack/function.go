package stack

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/lambda-cqrs/cqrs/doctor/sam"
	"github.com/lambda-cqrs/cqrs/local"
)

func (s *Stack) makeFunction(_ context.Context, r *resource, p *sam.Properties) error {
	if s.function != nil {
		return errors.New("a second function is not known here")
	}
	timeout, err := strconv.Atoi(p.Text("Timeout"))
	if err != nil {
		return fmt.Errorf("its Timeout: %w", err)
	}
	var environment struct{ Variables map[string]string }
	if _, err := p.Exactly("Environment", &environment); err != nil {
		return err
	}
	options := []local.FunctionOption{local.InvocationTimeout(seconds(timeout))}
	for name, value := range environment.Variables {
		s.variables[name] = value
		options = append(options, local.Environment(name+"="+value))
	}
	var async struct {
		MaximumRetryAttempts int
		DestinationConfig    destinations
	}
	if there, err := p.Exactly("EventInvokeConfig", &async); err != nil {
		return err
	} else if there {
		options = append(options,
			local.AsyncRetries(async.MaximumRetryAttempts), local.OnAsyncFailure(async.DestinationConfig.OnFailure.Destination))
	}
	if s.code.Process != nil {
		s.function = s.aws.Process(r.ID, s.code.Process, options...)
	} else {
		handler, err := s.code.Handler(s.Variable)
		if err != nil {
			return err
		}
		s.function = s.aws.Function(r.ID, handler, options...)
	}
	r.known = knownBy(s.function.Name(), s.function.ARN(), "")
	return s.connect(r)
}

type destinations struct {
	OnFailure struct{ Type, Destination string }
}
