module github.com/lambda-cqrs/cqrs/local

go 1.26.0

replace github.com/lambda-cqrs/cqrs => ../

require (
	github.com/aws/aws-lambda-go v1.55.1
	github.com/stretchr/testify v1.12.1
	go.uber.org/goleak v1.3.0
)

require go.yaml.in/yaml/v3 v3.0.5 // indirect
