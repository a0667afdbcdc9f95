// Command library is the function of ../bare with this library.
package main

import (
	"context"

	"github.com/lambda-cqrs/cqrs"
)

type notification struct {
	Type      string `json:"type"`
	Recipient string `json:"recipient"`
}

func main() {
	mux := cqrs.NewMux()
	cqrs.OnSQS[notification](mux, cqrs.TypeField("type", "NOTIFICATION"))
	registry := cqrs.NewRegistry()
	cqrs.RegisterFunc(registry, send)
	cqrs.Start(cqrs.Config{Factory: mux, Registry: registry})
}

func send(ctx context.Context, _ notification) error { return ctx.Err() }
