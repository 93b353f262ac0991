// Reads every *.txt file of a directory with prometheus/common's text parser, the one that Prometheus' own
// tools rest on, and says how many samples each has. Exit status 1: a file did not parse.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

func main() {
	files, err := filepath.Glob(filepath.Join(os.Args[1], "*.txt"))
	if err != nil || len(files) == 0 {
		fmt.Fprintln(os.Stderr, "no files", err)
		os.Exit(2)
	}
	failed := false
	for _, path := range files {
		samples, err := read(path)
		if err != nil {
			fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
			failed = true
		}
		fmt.Printf("%s %d\n", filepath.Base(path), samples)
	}
	if failed {
		os.Exit(1)
	}
}

func read(path string) (int, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, err
	}
	defer file.Close()
	parser := expfmt.NewTextParser(model.LegacyValidation)
	families, err := parser.TextToMetricFamilies(file)
	samples := 0
	for _, family := range families {
		samples += len(family.Metric)
	}
	return samples, err
}
