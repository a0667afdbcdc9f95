// Orders is the application of a small shop: one Lambda function and all that is
// around it. Without arguments it plays a day of the shop on an AWS in this
// process, and checks that nothing was lost or applied twice.
//
//	go run ./examples/orders          play the day
//	go run ./examples/orders -keep    and leave it running, with a page to watch it
//
// Deployed, the same program is the function: template.yaml says with what.
package main

import (
	"context"
	_ "embed"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"github.com/lambda-cqrs/cqrs/examples/orders/app"
	"github.com/lambda-cqrs/cqrs/examples/orders/day"
)

//go:embed template.yaml
var template []byte

func main() {
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") != "" {
		app.Start()
		return
	}
	if err := play(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func play(ctx context.Context, args []string) error {
	ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
	defer stop()
	options := day.Options{Template: template}
	flags := flag.NewFlagSet("orders", flag.ContinueOnError)
	flags.BoolVar(&options.Keep, "keep", false, "leave the shop running after the day, until it is interrupted")
	flags.StringVar(&options.Database, "database", "", "a postgres:// URL for the read models; a SQLite file where empty")
	flags.BoolVar(&options.Fast, "fast", false, "do not wait for people to follow")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return nil
	case err != nil:
		return err
	}
	_, err := day.Play(ctx, os.Stdout, options)
	return err
}
