package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/rehearse-dev/rehearse/cmd/internal/catalogue"
)

const catalogueHead = `# Faults, codes, invariants

Made by ` + "`make docs`" + ` from the tables of the code; ` + "`rehearse explain ID`" + ` says the same.

A fault is asked for with ` + "`--fault ID:argument=value,…`" + `, or in a scenario; each also takes ` + "`when=`" + ` and
` + "`heal=`" + `, which [language.md](language.md#faults) explains. Documents are named as in [sources.md](sources.md).

`

// cataloguePage is everything that rehearse explain knows.
func cataloguePage(string) ([]byte, error) {
	var b bytes.Buffer
	b.WriteString(catalogueHead)
	for _, k := range catalogue.Kinds {
		fmt.Fprintf(&b, "## %s\n\n%s\n\n", k.Plural, k.Doc)
		for _, e := range catalogue.All() {
			if e.Kind == k.Name {
				writeEntry(&b, e)
			}
		}
	}
	b.Truncate(b.Len() - 1)
	return b.Bytes(), nil
}

func writeEntry(b *bytes.Buffer, e catalogue.Entry) {
	fmt.Fprintf(b, "### %s\n\n", e.ID)
	for _, f := range e.Facts {
		title := "**" + f.Title + ".**"
		if strings.HasSuffix(f.Title, "=") {
			title = "`" + f.Title + "`"
		}
		fmt.Fprintf(b, "- %s %s\n", title, oneLine(f.Text))
	}
	b.WriteString("\n")
}
