module github.com/lambda-cqrs/cqrs/examples

go 1.26.0

replace (
	github.com/lambda-cqrs/cqrs => ../
	github.com/lambda-cqrs/cqrs/local => ../local
)

require (
	github.com/aws/aws-lambda-go v1.55.1
	github.com/lambda-cqrs/cqrs v0.0.0-00010101000000-000000000000
	github.com/lambda-cqrs/cqrs/local v0.0.0-00010101000000-000000000000
	github.com/stretchr/testify v1.12.1
	go.uber.org/goleak v1.3.0
)

require (
	github.com/go-json-experiment/json v1.27.2 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
)
