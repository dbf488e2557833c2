// Genfidelity writes docs/fidelity.md: where a twin is the real thing, where it is not, how long its work takes and what
// can go wrong in it. The page is made of what the code itself says: the package comments of the fakes, the tables of
// timings and faults, the clock's list of what follows wall time, and the versions in go.mod.
//
// Use, from the root of the checkout: genfidelity -out docs/fidelity.md.
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	root := flag.String("root", ".", "the checkout")
	out := flag.String("out", "", "the file to write")
	flag.Parse()
	if err := run(*root, *out); err != nil {
		fmt.Fprintln(os.Stderr, "genfidelity:", err)
		os.Exit(1)
	}
}

func run(root, out string) error {
	if out == "" {
		return fmt.Errorf("-out is required")
	}
	page, err := page(root)
	if err != nil {
		return err
	}
	return os.WriteFile(out, page, 0o644)
}
