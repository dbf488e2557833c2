package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"strings"
	"text/template"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/dsl/lint"
	"github.com/rehearse-dev/rehearse/runner/check"
	"github.com/rehearse-dev/rehearse/sim/fault"
)

//go:embed language.md.tmpl
var languageText string

// language is the page of that name. Every builtin has to be on it.
func language(string) ([]byte, error) {
	v := vocabulary{}
	t, err := template.New("language.md").Funcs(template.FuncMap{
		"calls": v.calls, "methods": v.methods, "library": library,
		"rules": rules, "invariants": invariants, "faults": faults,
	}).Parse(languageText)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	if err := t.Execute(&b, nil); err != nil {
		return nil, err
	}
	for _, x := range dsl.Builtins() {
		if !v[x.Name] {
			return nil, fmt.Errorf("builtin %s is nowhere on the page: name it in language.md.tmpl", x.Name)
		}
	}
	return b.Bytes(), nil
}

// vocabulary is which builtins are on the page already.
type vocabulary map[string]bool

// calls is a table of functions.
func (v vocabulary) calls(names ...string) (string, error) {
	var rows [][]string
	for _, name := range names {
		found := false
		for _, b := range dsl.Builtins() {
			if b.Name == name {
				rows, found, v[name] = append(rows, row(name, b)), true, true
			}
		}
		if !found {
			return "", fmt.Errorf("no builtin %s", name)
		}
	}
	return table([]string{"call", "what it is"}, rows), nil
}

// methods is a table of the methods of an owner, which people write as shown.
func (v vocabulary) methods(owner, shown string) (string, error) {
	var rows [][]string
	for _, b := range dsl.Builtins() {
		if method, ok := strings.CutPrefix(b.Name, owner+"."); ok {
			rows, v[b.Name] = append(rows, row(shown+"."+method, b)), true
		}
	}
	if len(rows) == 0 {
		return "", fmt.Errorf("no methods of %s", owner)
	}
	return table([]string{"call", "what it is"}, rows), nil
}

func row(name string, b dsl.Builtin) []string {
	return []string{"`" + name + b.Sig.String() + "`", b.Doc}
}

func rules() string {
	var rows [][]string
	for _, r := range lint.Rules() {
		rows = append(rows, []string{r.ID, r.Name, fmt.Sprint(r.Severity), r.Doc})
	}
	return table([]string{"id", "name", "severity", "what it wants"}, rows)
}

func invariants() string {
	var rows [][]string
	for _, i := range check.All {
		rows = append(rows, []string{fmt.Sprintf("[`%s`](catalogue.md#%s)", i.ID, i.ID), i.Doc})
	}
	return table([]string{"id", "claim"}, rows)
}

func faults() string {
	var rows [][]string
	for _, f := range fault.Faults {
		var args []string
		for _, a := range f.Args {
			args = append(args, argument(a))
		}
		rows = append(rows, []string{fmt.Sprintf("[`%s`](catalogue.md#%s)", f.ID, f.ID), f.Effect, strings.Join(args, "; ")})
	}
	return table([]string{"id", "what it does", "arguments"}, rows)
}

// argument says what an argument of a fault is.
func argument(a fault.Arg) string {
	s := fmt.Sprintf("`%s=` %s", a.Name, a.Doc)
	if len(a.OneOf) > 0 {
		s += " (" + strings.Join(a.OneOf, ", ") + ")"
	}
	if a.Default != "" {
		s += "; default " + a.Default
	}
	if a.Required {
		s += "; required"
	}
	return s
}

// table is a table of Markdown, without a line break at its end.
func table(head []string, rows [][]string) string {
	lines := []string{"| " + strings.Join(head, " | ") + " |", "|" + strings.Repeat(" --- |", len(head))}
	for _, r := range rows {
		cells := make([]string, len(r))
		for i, c := range r {
			cells[i] = cell(c)
		}
		lines = append(lines, "| "+strings.Join(cells, " | ")+" |")
	}
	return strings.Join(lines, "\n")
}
