module github.com/lambda-cqrs/cqrs/local

go 1.26.0

replace github.com/lambda-cqrs/cqrs => ../

require github.com/lambda-cqrs/cqrs v0.0.0-00010101000000-000000000000
