package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"

	"github.com/lambda-cqrs/cqrs/bench/peers"
)

// scenarios prints what this library and its peers make of each scenario.
func scenarios(ctx context.Context, o options, directory string) error {
	fmt.Println("\nRecords are counted from 1; “handled” are those whose handler has run to its end.")
	for _, s := range peers.Scenarios() {
		file := filepath.Join(directory, "scenario.json")
		if err := os.WriteFile(file, s.Payload, 0o600); err != nil {
			return err
		}
		fmt.Printf("\n| %s | |\n|---|---|\n| this library | %v |\n", s.Name, peers.Observe(ctx, s))
		powertools := "powertools"
		switch {
		case s.Protected:
			powertools = "powertools-idempotency"
		case s.Left < peers.SlowTime*10:
			powertools = "powertools-sequential"
		}
		for _, peer := range []struct{ name, module string }{
			{"Node by hand", "byhand"}, {"Powertools", powertools}, {"reference system", "reference"},
		} {
			observed, err := probe(ctx, o, peer.module, file, s)
			if err != nil {
				return fmt.Errorf("%s: %s: %w", s.Name, peer.name, err)
			}
			fmt.Printf("| %s | %v |\n", peer.name, observed)
		}
	}
	return nil
}

func probe(ctx context.Context, o options, module, file string, s peers.Scenario) (observed peers.Observed, err error) {
	left := strconv.FormatInt(s.Left.Milliseconds(), 10)
	command := exec.CommandContext( //nolint:gosec // the arguments are those of run.sh
		ctx, "node", "probe.mjs", module, file, left, strconv.Itoa(s.Times))
	command.Dir = filepath.Join(o.node, "node")
	var stderr bytes.Buffer
	command.Stderr = &stderr
	output, err := command.Output()
	if err != nil {
		return observed, fmt.Errorf("%w: %.1000s", err, stderr.String())
	}
	lines := bytes.Split(bytes.TrimSpace(output), []byte("\n")) // frameworks log to standard output before it
	return observed, json.Unmarshal(lines[len(lines)-1], &observed)
}
