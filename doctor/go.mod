module github.com/lambda-cqrs/cqrs/doctor

go 1.26.0

replace (
	github.com/lambda-cqrs/cqrs => ../
	github.com/lambda-cqrs/cqrs/local => ../local
)

require (
	github.com/stretchr/testify v1.12.1 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
)
