package examples_test

import (
	"bytes"
	"errors"
	"fmt"
	"go/ast"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestDocs type-checks the Go in each page of the documentation. The snippets of
// a page are one story: what stands at the margin as a type or function is
// declared for the whole page, and the statements of each snippet see those of
// the snippets before. testdata/docs/prelude.go has what all pages take for
// granted, a file with the name of the page what it takes besides. "{ … }" is a
// body that is left out.
func TestDocs(t *testing.T) {
	t.Parallel()
	pages, err := filepath.Glob("../docs/*.md")
	require.NoError(t, err)
	require.NotEmpty(t, pages)
	prelude, err := os.ReadFile("testdata/docs/prelude.go")
	require.NoError(t, err)
	importers := exportData(t, prelude)
	for _, page := range pages {
		name := strings.TrimSuffix(filepath.Base(page), ".md")
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(page)
			require.NoError(t, err)
			own, err := os.ReadFile("testdata/docs/" + name + ".go")
			if !os.IsNotExist(err) {
				require.NoError(t, err)
			}
			files, err := story(page, string(text), string(prelude), string(own))
			require.NoError(t, err)
			require.NoError(t, check(files, importers()))
		})
	}
}

// The check tells what is wrong, and where.
func TestDocsAreChecked(t *testing.T) {
	t.Parallel()
	prelude, err := os.ReadFile("testdata/docs/prelude.go")
	require.NoError(t, err)
	importers := exportData(t, prelude)
	for snippet, problem := range map[string]string{
		"x := cqrs.Skip(\"nothing\")": "",
		"func f() error { … }":        "",
		"cqrs.Slip(\"nothing\")":      "page.md:3: undefined: cqrs.Slip",
		"type A struct{ B unknown }":  "page.md:3: undefined: unknown",
		"mux := cqrs.NewMux(1)":       "page.md:3: too many arguments",
		"func f( {":                   "page.md:3",
	} {
		files, err := story("page.md", "# Page\n```go\n"+snippet+"\n```\n", string(prelude), "")
		if err == nil {
			err = check(files, importers())
		}
		if problem == "" {
			require.NoError(t, err, snippet)
			continue
		}
		require.ErrorContains(t, err, problem, snippet)
	}
}

// story makes the source files of a page: its preludes, and its snippets as one
// file, besides those that are programs of their own.
func story(page, text, prelude, own string) (files []string, err error) {
	var declarations, statements strings.Builder
	depth := 0
	for number, lines := range snippets(text) {
		at := fmt.Sprintf("\n//line %s:%d\n", page, number)
		if strings.HasPrefix(lines[0], "package ") {
			return nil, fmt.Errorf("%s:%d: a whole program belongs into a directory of examples", page, number)
		}
		inside := &statements
		statements.WriteString("{" + at)
		depth++
		for i, line := range lines {
			switch {
			case isDeclaration(line):
				fmt.Fprintf(&declarations, "\n//line %s:%d\n", page, number+i)
				inside = &declarations
			case inside == &declarations && line != "" && !strings.ContainsAny(line[:1], " \t})"):
				fmt.Fprintf(&statements, "\n//line %s:%d\n", page, number+i)
				inside = &statements
			}
			inside.WriteString(strings.ReplaceAll(line, "{ … }", `{ panic("…") }`) + "\n")
		}
	}
	body := declarations.String() + "\nfunc _() error {\n" + statements.String() + "\n" + strings.Repeat("}", depth) + "\nreturn nil\n}\n"
	return []string{prelude, own, imports(prelude) + body}, nil
}

var declaration = regexp.MustCompile(`^(type \w|func \w+[\[(]|func \(\w* ?\*?\w+(\[\w+\])?\) \w)`)

func isDeclaration(line string) bool { return declaration.MatchString(line) }

// snippets yields the Go in a page, and the number of its first line.
func snippets(text string) func(yield func(int, []string) bool) {
	return func(yield func(int, []string) bool) {
		lines := strings.Split(text, "\n")
		for i := 0; i < len(lines); i++ {
			if lines[i] != "```go" {
				continue
			}
			end := slices.Index(lines[i:], "```") + i
			if !yield(i+2, lines[i+1:end]) {
				return
			}
			i = end
		}
	}
}

// imports are the package clause and the imports of a file.
func imports(file string) string {
	end := strings.Index(file, "\n)\n")
	return file[:end+len("\n)\n")]
}

// check type-checks the files as one package. What a snippet does not use is no
// mistake.
func check(files []string, from types.Importer) error {
	set := token.NewFileSet()
	parsed := make([]*ast.File, 0, len(files))
	for i, source := range files {
		if source == "" {
			continue
		}
		file, err := parser.ParseFile(set, fmt.Sprintf("part%d.go", i), source, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		parsed = append(parsed, file)
	}
	var problems []string
	config := types.Config{Importer: from, Error: func(err error) {
		if problem, ok := errors.AsType[types.Error](err); !ok || !problem.Soft {
			problems = append(problems, err.Error())
		}
	}}
	_, _ = config.Check("docs", set, parsed, nil) // told by Error
	if len(problems) > 0 {
		return fmt.Errorf("%s", strings.Join(problems, "\n"))
	}
	return nil
}

// exportData returns a function that makes importers of the packages that the
// prelude imports, from what the compiler has left of them.
func exportData(t *testing.T, prelude []byte) func() types.Importer {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "prelude.go", prelude, parser.ImportsOnly)
	require.NoError(t, err)
	arguments := []string{"list", "-export", "-deps", "-f", "{{.ImportPath}} {{.Export}}"}
	for _, imported := range file.Imports {
		arguments = append(arguments, strings.Trim(imported.Path.Value, `"`))
	}
	output, err := exec.CommandContext(t.Context(), "go", arguments...).Output()
	require.NoError(t, err)
	paths := map[string]string{}
	for line := range strings.Lines(string(output)) {
		if path, export, found := strings.Cut(strings.TrimSpace(line), " "); found {
			paths[path] = export
		}
	}
	return func() types.Importer {
		return importer.ForCompiler(token.NewFileSet(), "gc", func(path string) (io.ReadCloser, error) {
			data, err := os.ReadFile(paths[path])
			return io.NopCloser(bytes.NewReader(data)), err
		})
	}
}
