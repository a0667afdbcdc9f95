// Command cqrs-local is the local AWS as a process of its own:
//
//	cqrs-local [-address 127.0.0.1:4566] [-function orders=./bootstrap]…
//
// prints the settings with which any SDK and the AWS command line find it, and the
// URL of its console, and serves until it is interrupted;
//
//	cqrs-local invoke [-endpoint http://127.0.0.1:4566] orders event.json
//
// sends an event from a file, or from standard input where it is "-", to a
// function and prints the answer.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/lambda-cqrs/cqrs/local"
)

const defaultAddress = "127.0.0.1:4566"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "cqrs-local:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string, in io.Reader, out io.Writer) error {
	if len(arguments) > 0 && arguments[0] == "invoke" {
		return invoke(ctx, arguments[1:], in, out)
	}
	return serve(ctx, arguments, out)
}

func serve(ctx context.Context, arguments []string, out io.Writer) error {
	flags := flag.NewFlagSet("cqrs-local", flag.ContinueOnError)
	address := flags.String("address", defaultAddress, "where to listen")
	functions := make(map[string]string)
	usage := "`name=path` of a function's program, which is started for its invocations; may be repeated"
	flags.Func("function", usage, func(text string) error {
		name, path, ok := strings.Cut(text, "=")
		if !ok {
			return errors.New("want name=path")
		}
		absolute, err := filepath.Abs(path)
		functions[name] = absolute
		return err
	})
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("unknown command %q; there is invoke, and none to serve", flags.Arg(0))
	}
	a, err := local.Start(ctx, local.Address(*address))
	if err != nil {
		return err
	}
	for name, program := range functions {
		a.Process(name, func(ctx context.Context) (*exec.Cmd, error) {
			return exec.CommandContext(ctx, program), nil
		})
	}
	credentials, err := a.Config().Credentials.Retrieve(ctx)
	if err == nil {
		const settings = "export AWS_ENDPOINT_URL=%s\nexport AWS_REGION=%s\n" +
			"export AWS_ACCESS_KEY_ID=%s\nexport AWS_SECRET_ACCESS_KEY=%s\n# console: %s\n"
		_, err = fmt.Fprintf(out, settings,
			a.Endpoint(), a.Config().Region, credentials.AccessKeyID, credentials.SecretAccessKey, a.ConsoleURL())
	}
	if err == nil {
		<-ctx.Done()
	}
	return errors.Join(err, a.Close())
}

func invoke(ctx context.Context, arguments []string, in io.Reader, out io.Writer) error {
	flags := flag.NewFlagSet("cqrs-local invoke", flag.ContinueOnError)
	endpoint := flags.String("endpoint", "http://"+defaultAddress, "of the local AWS")
	if err := flags.Parse(arguments); err != nil {
		return err
	}
	if flags.NArg() != 2 {
		return errors.New("want the name of a function and the file of an event")
	}
	payload, err := readEvent(flags.Arg(1), in)
	if err != nil {
		return err
	}
	client := lambda.New(lambda.Options{
		BaseEndpoint: endpoint,
		Region:       "us-east-1",
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "local", SecretAccessKey: "local"}, nil
		}),
	})
	answer, err := client.Invoke(ctx, &lambda.InvokeInput{FunctionName: aws.String(flags.Arg(0)), Payload: payload})
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(out, "%s\n", answer.Payload); err != nil {
		return err
	}
	if answer.FunctionError != nil {
		return fmt.Errorf("the function failed: %s", *answer.FunctionError)
	}
	return nil
}

func readEvent(name string, in io.Reader) ([]byte, error) {
	if name == "-" {
		return io.ReadAll(in)
	}
	return os.ReadFile(name) //nolint:gosec // the caller chooses its own files
}
