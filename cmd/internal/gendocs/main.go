// Gendocs writes the pages of docs/ that are made of what the code itself says.
//
// catalogue.md has every fault, code and invariant, as rehearse explain has them. fidelity.md says where a twin is the
// real thing, where it is not, and how long its work takes: from the package comments of the fakes, the table of timings,
// the controllers that run, the clock's list of what follows wall time, and the versions in go.mod. language.md is the reference of the language: language.md.tmpl,
// with the tables of builtins, lint rules, invariants and faults, and the comments of the standard library.
//
// Use, from the root of the checkout: gendocs -out docs.
package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
)

// pages are the files and what makes them. Keep sorted.
var pages = []struct {
	file string
	make func(root string) ([]byte, error)
}{
	{"catalogue.md", cataloguePage},
	{"fidelity.md", fidelity},
	{"language.md", language},
}

func main() {
	root := flag.String("root", ".", "the checkout")
	out := flag.String("out", "", "the folder to write to")
	flag.Parse()
	if err := run(*root, *out); err != nil {
		fmt.Fprintln(os.Stderr, "gendocs:", err)
		os.Exit(1)
	}
}

func run(root, out string) error {
	if out == "" {
		return fmt.Errorf("-out is required")
	}
	for _, p := range pages {
		b, err := p.make(root)
		if err != nil {
			return fmt.Errorf("%s: %w", p.file, err)
		}
		if err := os.WriteFile(filepath.Join(out, p.file), b, 0o644); err != nil {
			return err
		}
	}
	return nil
}
