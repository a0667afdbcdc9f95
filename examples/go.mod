module github.com/lambda-cqrs/cqrs/examples

go 1.26.0

replace github.com/lambda-cqrs/cqrs => ../
