package stack

import (
	"context"
	"errors"
	"fmt"
	"strconv"

	"github.com/lambda-cqrs/cqrs/local"
)

func (s *Stack) makeFunction(ctx context.Context, r *resource, p *properties) error {
	if s.function != nil {
		return errors.New("a second function is not known here")
	}
	timeout, err := strconv.Atoi(p.text("Timeout"))
	if err != nil {
		return fmt.Errorf("its Timeout: %w", err)
	}
	var environment struct{ Variables map[string]string }
	if _, err := p.into("Environment", &environment); err != nil {
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
	if there, err := p.into("EventInvokeConfig", &async); err != nil {
		return err
	} else if there {
		options = append(options,
			local.AsyncRetries(async.MaximumRetryAttempts), local.OnAsyncFailure(async.DestinationConfig.OnFailure.Destination))
	}
	if s.code.Process != nil {
		s.function = s.aws.Process(r.id, s.code.Process, options...)
	} else {
		handler, err := s.code.Handler(s.Variable)
		if err != nil {
			return err
		}
		s.function = s.aws.Function(r.id, handler, options...)
	}
	r.attributes = attributes{ref: s.function.Name(), arn: s.function.ARN()}
	return s.connect(ctx, r)
}

type destinations struct {
	OnFailure struct{ Type, Destination string }
}
