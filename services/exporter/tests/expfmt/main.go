// Reads the files of a directory with prometheus/common's text parser, the one that Prometheus' own tools rest on, and says of
// each how many samples it has and a digest of everything in it, which tests/suite/readers.rs describes. Arguments: the directory,
// then the endings of the files. In ".u8txt" files names may stand in quotes. Exit status 1: a file did not parse.
package main

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sort"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

func main() {
	failed := false
	for _, suffix := range os.Args[2:] {
		files, err := filepath.Glob(filepath.Join(os.Args[1], "*"+suffix))
		if err != nil || len(files) == 0 {
			fmt.Fprintln(os.Stderr, "no files", suffix, err)
			os.Exit(2)
		}
		scheme := model.LegacyValidation
		if suffix == ".u8txt" {
			scheme = model.UTF8Validation
		}
		for _, path := range files {
			samples, digest, err := read(path, scheme)
			if err != nil {
				fmt.Fprintf(os.Stderr, "%s: %v\n", path, err)
				failed = true
			}
			fmt.Printf("%s %d %d\n", filepath.Base(path), samples, digest)
		}
	}
	if failed {
		os.Exit(1)
	}
}

func read(path string, scheme model.ValidationScheme) (int, uint64, error) {
	file, err := os.Open(path)
	if err != nil {
		return 0, 0, err
	}
	defer file.Close()
	parser := expfmt.NewTextParser(scheme)
	families, err := parser.TextToMetricFamilies(file)
	samples, digest := 0, uint64(0)
	for name, family := range families {
		digest += first([]byte("#" + name + "\x00" + family.GetHelp()))
		for _, metric := range family.Metric {
			digest += first(sample(name, metric))
			samples++
		}
	}
	return samples, digest, err
}

func sample(name string, metric *dto.Metric) []byte {
	labels := metric.GetLabel()
	sort.Slice(labels, func(a, b int) bool { return labels[a].GetName() < labels[b].GetName() })
	bytes := []byte(name + "\x00")
	for _, label := range labels {
		bytes = append(bytes, label.GetName()+"\x00"+label.GetValue()+"\x00"...)
	}
	value := math.Inf(-1)
	switch {
	case metric.Counter != nil:
		value = metric.Counter.GetValue()
	case metric.Gauge != nil:
		value = metric.Gauge.GetValue()
	case metric.Untyped != nil:
		value = metric.Untyped.GetValue()
	}
	bits := math.Float64bits(value)
	if math.IsNaN(value) {
		bits = 0x7ff8000000000000
	}
	return binary.BigEndian.AppendUint64(bytes, bits)
}

func first(bytes []byte) uint64 {
	hash := sha256.Sum256(bytes)
	return binary.BigEndian.Uint64(hash[:8])
}
