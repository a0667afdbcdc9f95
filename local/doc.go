// Package local is the AWS that the library needs, in one process on the
// loopback interface, for development and tests.
//
// [RuntimeAPI] serves the Lambda Runtime API: what a function's process asks
// for its invocations, and answers them to. With it, the real event loop of
// aws-lambda-go runs on a developer's machine, in a process of its own that
// may panic, exit, time out or be killed:
//
//	api, err := local.NewRuntimeAPI("orders")
//	if err != nil {
//		return err
//	}
//	defer api.Close()
//	command, err := local.Self(ctx)
//	if err != nil {
//		return err
//	}
//	if _, err := api.Start(command); err != nil {
//		return err
//	}
//	response, err := api.Invoke(ctx, payload)
//
// [Self] starts the running program a second time. A program finds out which
// of the two it is by the environment: where AWS_LAMBDA_RUNTIME_API is set, it
// is the function and calls lambda.Start; otherwise it is the one that starts
// the function.
package local
