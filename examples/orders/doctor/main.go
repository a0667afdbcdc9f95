// Command doctor checks the shop's template, or the shop that is deployed, against
// its code:
//
//	go run ./examples/orders/doctor -template examples/orders/template.yaml
//	go run ./examples/orders/doctor -function shop-ShopFunction
//
// Without arguments it checks the template.
package main

import (
	"context"
	"os"

	"github.com/lambda-cqrs/cqrs/doctor"
)

func main() {
	arguments := os.Args[1:]
	if len(arguments) == 0 {
		arguments = []string{
			"-template", "examples/orders/template.yaml",
			"-parameter", "DatabaseUrl=postgres://", "-parameter", "MailFrom=shop@example.com",
		}
	}
	os.Exit(doctor.Run(context.Background(), arguments, os.Stdout, code))
}
