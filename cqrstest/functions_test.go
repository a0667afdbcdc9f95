package cqrstest_test

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"syscall"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/lambda-cqrs/cqrs"
)

// functions run in a process of their own, on the loop of aws-lambda-go.
func functions() map[string]func() {
	return map[string]func(){
		"work":          func() { cqrs.Start(workConfig()) },
		"misconfigured": func() { cqrs.Start(cqrs.Config{}) },
		"extended": func() {
			d, err := cqrs.New(workConfig())
			if err != nil {
				panic(err)
			}
			lambda.StartWithOptions(d, lambda.WithEnableSIGTERM(d.Drain))
		},
	}
}

type work struct {
	Do   string `json:"do"`
	Text string `json:"text"`
}

// workResult tells which process has done it.
type workResult struct {
	Process int
	Request string
	Text    string
}

func workConfig() cqrs.Config {
	mux := cqrs.NewMux()
	cqrs.OnSQS[work](mux, cqrs.Any())
	cqrs.OnStepFunction[work](mux, "WORK")
	registry := cqrs.NewRegistry()
	cqrs.Register(registry, newWorker())
	return cqrs.Config{
		Factory: mux, Registry: registry, Logger: quiet(),
		Fallback: handler(func(context.Context, []byte) ([]byte, error) { return []byte(strings.Repeat("a", 7<<20)), nil }),
	}
}

// newWorker is a handler that keeps what it gets, and looks after it.
func newWorker() cqrs.HandlerFunc[work] {
	type kept struct {
		message      *cqrs.Message
		text, copied string
	}
	var mu sync.Mutex
	var all []kept
	var everybody sync.WaitGroup
	everybody.Add(lambdacontext.MaxConcurrency())
	return func(ctx context.Context, w work) (any, error) {
		d, _ := cqrs.DeliveryFrom(ctx)
		lc, _ := lambdacontext.FromContext(ctx)
		switch w.Do {
		case "panic":
			panic("at the disco")
		case "fail":
			return nil, errBroken
		case "name":
			return nil, cqrs.Named("OutOfStock", errBroken)
		case "large":
			return strings.Repeat("a", 7<<20), nil
		case "long error":
			return nil, errors.New(strings.Repeat("a", 2<<10))
		case "large error":
			return nil, errors.New(strings.Repeat("a", 7<<20))
		case "terminate": // as AWS does, while the record runs
			if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
				return nil, err
			}
			<-ctx.Done()
			return nil, nil
		case "hang": // whatever its context says
			select {}
		case "meet":
			everybody.Done()
			everybody.Wait()
		case "keep":
			mu.Lock()
			defer mu.Unlock()
			for _, k := range all {
				raw, payload := string(k.message.Raw()), string(k.message.Payload())
				if k.text != k.copied || !strings.Contains(raw, k.copied) || !strings.Contains(payload, k.copied) {
					return "overwritten", nil
				}
			}
			all = append(all, kept{d.Message, w.Text, strings.Clone(w.Text)})
		}
		return workResult{Process: os.Getpid(), Request: lc.AwsRequestID, Text: w.Text}, nil
	}
}
