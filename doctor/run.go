package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
)

// Run is the command line of a program that a team makes of this package:
//
//	func main() {
//		os.Exit(doctor.Run(context.Background(), os.Args[1:], os.Stdout, code))
//	}
//
// With -template it checks a template, with -parameter Name=Value for each parameter;
// with -function what is deployed under that name, by the credentials of the
// environment. -json prints findings for programs, and -ignore leaves out those of a
// rule, or of a rule and a resource, that somebody has looked at: -ignore
// stream-latest=clicks.
//
// code makes the code from a variable of the function's environment: a deployment
// names its tables and queues there.
//
// The exit status is 1 with a finding that is an error, 2 where nothing could be
// checked, else 0.
func Run(ctx context.Context, args []string, out io.Writer, code func(variable func(name string) string) (Code, error)) int {
	findings, asJSON, err := run(ctx, args, out, code)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		_, _ = fmt.Fprintln(out, err)
		return 2
	}
	if err := show(out, findings, asJSON); err != nil {
		return 2
	}
	if len(findings) > 0 && findings[0].Severity == Error {
		return 1
	}
	return 0
}

func run(
	ctx context.Context, args []string, out io.Writer, code func(variable func(name string) string) (Code, error),
) (findings []Finding, asJSON bool, err error) {
	flags := flag.NewFlagSet("doctor", flag.ContinueOnError)
	flags.SetOutput(out)
	template := flags.String("template", "", "the template to check")
	function := flags.String("function", "", "the name of the deployed function to check")
	flags.BoolVar(&asJSON, "json", false, "print the findings as JSON")
	var ignored []string
	flags.Func("ignore", "leave out the findings of a rule, or rule=resource; may be repeated", func(text string) error {
		ignored = append(ignored, text)
		return nil
	})
	parameters := map[string]string{}
	flags.Func("parameter", "a parameter of the template, as Name=Value", func(text string) error {
		name, value, found := strings.Cut(text, "=")
		if !found {
			return errors.New("it is to be Name=Value")
		}
		parameters[name] = value
		return nil
	})
	if err := flags.Parse(args); err != nil {
		return nil, false, err
	}
	var d Deployment
	switch {
	case (*template == "") == (*function == ""):
		return nil, false, errors.New("doctor: give one of -template and -function")
	case *template != "":
		text, err := os.ReadFile(*template)
		if err != nil {
			return nil, false, err
		}
		if d, err = ReadTemplate(text, parameters); err != nil {
			return nil, false, err
		}
	default:
		cfg, err := config.LoadDefaultConfig(ctx)
		if err != nil {
			return nil, false, err
		}
		if d, err = Inspect(ctx, NewClients(cfg), *function); err != nil {
			return nil, false, err
		}
	}
	c, err := code(func(name string) string { return d.Function.Environment[name] })
	if err != nil {
		return nil, false, fmt.Errorf("doctor: the code of this environment: %w", err)
	}
	findings = slices.DeleteFunc(Check(c, d), func(f Finding) bool {
		return slices.Contains(ignored, f.Rule) || slices.Contains(ignored, f.Rule+"="+f.Resource)
	})
	return findings, asJSON, nil
}

func show(out io.Writer, findings []Finding, asJSON bool) error {
	if asJSON {
		if findings == nil {
			findings = []Finding{}
		}
		encoder := json.NewEncoder(out)
		encoder.SetIndent("", "  ")
		return encoder.Encode(findings)
	}
	for _, f := range findings {
		_, err := fmt.Fprintf(out, "%-7s %-26s %s\n        %s.\n        %s.\n", f.Severity, f.Rule, f.Resource, f.Problem, f.Fix)
		if err != nil {
			return err
		}
	}
	counts := map[Severity]int{}
	for _, f := range findings {
		counts[f.Severity]++
	}
	_, err := fmt.Fprintf(out, "%d errors, %d warnings, %d notes\n", counts[Error], counts[Warning], counts[Note])
	return err
}
