// Package runtimeapi serves the Lambda Runtime API: what a function's process
// asks for its invocations, and answers them to. With it, the real event loop of
// aws-lambda-go runs on a developer's machine, in a process of its own that may
// panic, exit, time out or be killed:
//
//	api, err := runtimeapi.New("orders")
//	if err != nil {
//		return err
//	}
//	defer api.Close()
//	command, err := runtimeapi.Self(ctx)
//	if err != nil {
//		return err
//	}
//	if _, err := api.Start(command); err != nil {
//		return err
//	}
//	response, err := api.Invoke(ctx, payload)
//
// [Self] starts the running program a second time. A program finds out which of
// the two it is by the environment: where AWS_LAMBDA_RUNTIME_API is set, it is
// the function and calls lambda.Start; otherwise it is the one that starts the
// function.
//
// It is internal so that the module of the local runtime and the test kit serve
// the same one; both re-export it.
package runtimeapi
