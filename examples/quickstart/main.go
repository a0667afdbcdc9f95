// Quickstart runs a function under the real Lambda runtime, with nothing to
// install: it serves the Lambda Runtime API on loopback, starts itself a second
// time as the function, sends it one payload of every source, and shows what
// became of each record and what AWS would be answered. app.go is what a team
// writes.
package main

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-lambda-go/lambda"

	"github.com/lambda-cqrs/cqrs"
	"github.com/lambda-cqrs/cqrs/local"
	"github.com/lambda-cqrs/cqrs/testdata"
)

//go:embed failures/*.json
var failures embed.FS

func main() {
	if os.Getenv("AWS_LAMBDA_RUNTIME_API") != "" {
		cqrs.Start(cqrs.Config{
			Factory:  factory(),
			Registry: registry(),
			Logger:   slog.New(slog.DiscardHandler), // the table shows the failures
			Observer: &cqrs.Observer{RecordEnd: reportUndelivered},
			Fallback: lambda.NewHandler(serveHTTP),
		})
		return
	}
	if err := play(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serveHTTP gets what is no event.
func serveHTTP(request events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	if request.RequestContext.HTTP.Method == "" {
		return events.APIGatewayV2HTTPResponse{}, errors.New("neither an event nor an HTTP request")
	}
	return events.APIGatewayV2HTTPResponse{StatusCode: http.StatusOK, Body: request.RawPath}, nil
}

// play sends every payload to the function. The table goes to w, into which the
// function's process writes too.
func play(ctx context.Context, w *os.File) (err error) {
	api, err := local.NewRuntimeAPI("quickstart")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, api.Close()) }()
	command, err := local.Self(ctx)
	if err != nil {
		return err
	}
	command.Stdout = w
	function, err := api.Start(command)
	if err != nil {
		return err
	}
	writeHead(w)
	sent := 0
	for _, payloads := range []fs.FS{testdata.Samples, failures} {
		err := fs.WalkDir(payloads, ".", func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			sent++
			return send(ctx, api, w, payloads, path)
		})
		if err != nil {
			return fmt.Errorf("%w\n%s", err, function.Stderr())
		}
	}
	writeEnd(w, sent)
	return nil
}

// send invokes the function with the payload in a file.
func send(ctx context.Context, api *local.RuntimeAPI, w *os.File, payloads fs.FS, path string) error {
	payload, err := fs.ReadFile(payloads, path)
	if err != nil {
		return err
	}
	writePayload(w, strings.TrimSuffix(filepath.Base(path), ".json"))
	response, err := api.Invoke(ctx, payload)
	if err != nil {
		return err
	}
	writeAnswer(w, response)
	if response.Error != nil && strings.HasPrefix(response.Error.Type, "Runtime.") {
		return fmt.Errorf("the function's process ended: %w", response.Error)
	}
	return nil
}
