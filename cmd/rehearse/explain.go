package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rehearse-dev/rehearse/cmd/internal/catalogue"
	"github.com/rehearse-dev/rehearse/dsl/diag"
)

func explainCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "explain [FAULT|CODE|INVARIANT]",
		Short: "Explain a fault, a code or an invariant",
		Long: `Explain says what a fault does, what a code of a report means, or what an invariant claims: the symptom, the
recovery, and the document that it comes from. Without an argument it lists all of them.`,
		Example: `  rehearse explain etcd-quorum-loss
  rehearse explain vsphere-template-missing
  rehearse explain`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) > 1 {
				return usage(c, fmt.Errorf("got %d arguments, want one id, or none", len(args)))
			}
			return nil
		},
		ValidArgs: catalogue.IDs(),
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				list(e.stdout)
				return nil
			}
			found := catalogue.Find(args[0])
			if len(found) == 0 {
				return unexplained(c, args[0])
			}
			for i, x := range found {
				if i > 0 {
					fmt.Fprintln(e.stdout)
				}
				explainEntry(e.stdout, x)
			}
			return nil
		},
	}
}

func unexplained(c *cobra.Command, id string) error {
	u := &usageError{err: fmt.Errorf("no fault, code or invariant %q", id), hint: diag.DidYouMean(id, catalogue.IDs()),
		help: c.CommandPath()}
	if u.hint == "" {
		u.hint = "the codes of a runbook of your own are explained by the runbook alone"
	}
	if id == "" {
		u.err = errors.New("got an empty id")
	}
	return u
}

// width is how long a line may be: what fits into a terminal of the usual size.
const width = 100

func list(w io.Writer) {
	for i, k := range catalogue.Kinds {
		if i > 0 {
			fmt.Fprintln(w)
		}
		fmt.Fprintln(w, strings.ToLower(k.Plural))
		for _, x := range catalogue.All() {
			if x.Kind == k.Name {
				paragraph(w, "  "+x.ID, 38, x.Short)
			}
		}
	}
}

func explainEntry(w io.Writer, x catalogue.Entry) {
	fmt.Fprintf(w, "%s  (%s)\n\n", x.ID, x.Kind)
	for _, f := range x.Facts {
		paragraph(w, strings.ToLower(f.Title), 10, f.Text)
	}
	if x.Kind == catalogue.KindFault {
		paragraph(w, "use", 10, "--fault "+x.ID+":when=…,heal=…")
	}
}

// paragraph writes a text beside its title, and goes on below itself.
func paragraph(w io.Writer, title string, indent int, text string) {
	line := fmt.Sprintf("%-*s", indent-1, title)
	for _, word := range strings.Fields(text) {
		if len(line)+1+len(word) > width && strings.TrimSpace(line) != "" {
			fmt.Fprintln(w, line)
			line = strings.Repeat(" ", indent-1)
		}
		line += " " + word
	}
	fmt.Fprintln(w, line)
}
