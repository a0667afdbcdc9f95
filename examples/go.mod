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
	github.com/aws/aws-sdk-go-v2 v1.47.7 // indirect
	github.com/aws/smithy-go v1.28.8 // indirect
	github.com/go-json-experiment/json v1.27.2 // indirect
	github.com/johannesboyne/gofakes3 v1.2.0 // indirect
	github.com/ryszard/goskiplist v0.0.0-20150312221310-2dfbae5fcf46 // indirect
	github.com/theory/jsonpath v0.12.3 // indirect
	github.com/tidwall/btree v1.8.2 // indirect
	go.shabbyrobe.org/gocovmerge v0.0.0-20230507111327-fa4f82cfbf4d // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/tools v0.8.0 // indirect
)
