package docs

import "github.com/lambda-cqrs/cqrs/local"

var clock *local.Clock
