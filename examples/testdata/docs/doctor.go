package docs

import (
	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/doctor"
)

var (
	config cqrs.Config
	codeOf func(variable func(name string) string) (doctor.Code, error)
)
