// Package local is the AWS that the library needs, in one process on the
// loopback interface, for development and tests.
//
// [RuntimeAPI] serves the Lambda Runtime API, on which the real event loop of
// aws-lambda-go runs in a process of its own that may panic, exit, time out or
// be killed. [Self] starts the running program a second time, as that process;
// where AWS_LAMBDA_RUNTIME_API is set, a program is the function and calls
// lambda.Start.
package local
