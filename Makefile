SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
.NOTPARALLEL:
.DEFAULT_GOAL := help
MAKEFLAGS += --no-builtin-rules --no-print-directory --warn-undefined-variables

# The Go release that is installed is the one that builds. GOFLAGS is the
# caller's own.
export GOTOOLCHAIN := local

FUZZTIME ?= 10s
BENCH ?= .
BENCHTIME ?= 1s
REPORT ?=

LINTER := .bin/golangci-lint
# One directory a line, of every module in go.work. "work", as a package
# pattern, stands for all packages of all of them.
MODULES = go list -m -f '{{.Dir}}'

# $(call quiet,command) prints what the command printed only where it fails.
quiet = output=$$( { $(1); } 2>&1 ) || { printf '%s\n' "$$output" >&2; exit 1; }
# $(call each_module,command) runs the command in the directory of every module.
each_module = $(MODULES) | while read -r module; do (cd "$$module" && $(1)) </dev/null; done

.PHONY: help
help: ## Show the targets
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "%-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: run
run: ## Play a day of the example shop
	@go run ./examples/orders

.PHONY: test
test: ## Run all tests with the race detector
	@integration/setup.sh --missing
	@go test -race work

.PHONY: check
check: ## Everything that must hold before a commit lands
	@$(MAKE) tidy TIDY=-diff
	@$(MAKE) fmt FMT=--diff
	@$(MAKE) vet
	@$(MAKE) lint
	@$(call quiet,$(MAKE) bench BENCHTIME=1x REPORT='-rounds=1 -turn=1ms')
	@$(MAKE) examples
	@integration/setup.sh
	@$(MAKE) test
	@go test ./internal/scan ./bench/...

.PHONY: lint
lint: $(LINTER) ## Run the linters
	@$(call each_module,$(CURDIR)/$(LINTER) run)

.PHONY: bench
bench: ## Run the benchmarks that match BENCH for BENCHTIME each, and the comparison
	@go test -run='^$$' -bench='$(BENCH)' -benchtime=$(BENCHTIME) -benchmem work
	@go run ./bench/cmd/report $(REPORT)

.PHONY: fuzz
fuzz: ## Run every fuzz target for FUZZTIME
	@go test -list='^Fuzz' work \
		| awk '/^Fuzz/ { names[n++] = $$1 } /^ok/ { for (i = 0; i < n; i++) print $$2, names[i]; n = 0 }' \
		| while read -r package name; do \
			$(call quiet,go test -run='^$$' -fuzz="^$$name$$" -fuzztime=$(FUZZTIME) "$$package" </dev/null); \
			echo "ok  $$package $$name"; \
		done

.PHONY: cover
cover: ## Measure test coverage of each package, and write coverage.out
	@go test -coverprofile=coverage.out work
	@go tool cover -func=coverage.out | tail -n 1

.PHONY: tidy
TIDY ?=
tidy: ## Tidy every go.mod and go.sum
	@$(call each_module,go mod tidy $(TIDY))
	@GOWORK=off go -C tools mod tidy $(TIDY)

.PHONY: fmt
FMT ?=
fmt: $(LINTER) ## Format the code
	@$(call each_module,$(CURDIR)/$(LINTER) fmt $(FMT))

.PHONY: vet
vet: ## Run go vet
	@go vet work

.PHONY: examples
examples: ## Build the examples and run each to its end
	@go list -f '{{if eq .Name "main"}}{{.ImportPath}}{{end}}' ./examples/... \
		| while read -r program; do \
			($(call quiet,go run "$$program" </dev/null)) || { echo "$$program failed" >&2; exit 1; }; \
		done

# Built from source at the version that tools/go.mod pins.
$(LINTER): tools/go.mod tools/go.sum
	@GOWORK=off go -C tools build -trimpath -buildvcs=false -o ../$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
