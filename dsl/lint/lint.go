// Package lint finds mistakes in runbooks and worlds without running them.
//
// A Rule looks at the syntax tree of one file; the rules stand in one table. File applies them all and then loads the
// file, so that it also says whatever loading would say. The package starts nothing and touches no site.
package lint

import (
	"slices"
	"strings"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/dsl/diag"
	"go.starlark.net/resolve"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// Rule is one thing that the linter looks for.
type Rule struct {
	ID       string // stable: RL001
	Name     string // kebab-case
	Severity diag.Severity
	Doc      string
	check    func(*file, report)
}

// report says that a rule is broken at a node.
type report func(at syntax.Node, format string, args ...any) *diag.Diagnostic

// rules is the table, sorted by ID. The first two are what Starlark itself says.
var rules = []Rule{
	{"RL001", "syntax-error", diag.Error, "the file is Starlark", nil},
	{"RL002", "unknown-name", diag.Error, "every name is defined, loaded or a builtin", nil},
	{"RL003", "wait-without-timeout", diag.Error, "a wait ends", waitWithoutTimeout},
	{"RL004", "write-without-undo", diag.Error, "a step that writes says how it is undone, one that reads does not", writeWithoutUndo},
	{"RL005", "version-compared-as-text", diag.Error, `versions are compared as versions: "v1.9" is after "v1.10" as text`, versionAsText},
	{"RL006", "closure-over-loop-variable", diag.Warning, "a function made in a loop sees the last value of the loop's variables", closureOverLoop},
	{"RL007", "unused-load", diag.Warning, "what is loaded is used", unusedLoad},
	{"RL008", "id-not-kebab-case", diag.Error, "ids are kebab-case", idNotKebab},
	{"RL009", "duplicate-id", diag.Error, "ids are used once", duplicateID},
	{"RL010", "unknown-keyword", diag.Error, "builtins are called with the keywords they have", unknownKeyword},
	{"RL011", "require-without-code", diag.Warning, "a refusal has a code that people can look for", requireWithoutCode},
}

// Rules lists the rules, sorted by ID.
func Rules() []Rule { return slices.Clone(rules) }

// File lints a file and loads it. The result is sorted by position, and nil when there is nothing to say.
func File(path string) diag.List {
	src, err := dsl.ReadSource(path)
	if err != nil {
		return diag.All(dsl.Loader{}.Check(path))
	}
	found := Source(path, src)
	for _, d := range found {
		if d.Code == "RL001" || d.Code == "RL002" {
			return found // loading would only say it again
		}
	}
	for _, d := range diag.All(dsl.Loader{}.Check(path)) {
		same := func(known *diag.Diagnostic) bool { return known.Pos.Line == d.Pos.Line && known.Severity == diag.Error }
		if !slices.ContainsFunc(found, same) {
			found = append(found, d)
		}
	}
	found.Sort()
	return found
}

// Source lints the text of a file as it stands, without what it loads.
func Source(name string, src []byte) diag.List {
	f := &file{name: name, lines: strings.Split(string(src), "\n"), builtins: map[string]dsl.Builtin{}}
	var err error
	if f.tree, err = dsl.Dialect.Parse(name, src, 0); err != nil {
		if e, ok := err.(syntax.Error); ok {
			return diag.List{f.at(rules[0], e.Pos, e.Msg)}
		}
		return diag.List{f.at(rules[0], syntax.MakePosition(&name, 1, 1), err.Error())}
	}
	if unknown := f.resolve(); len(unknown) > 0 {
		return unknown
	}
	for _, b := range dsl.Builtins() {
		f.builtins[b.Name] = b
	}
	var found diag.List
	for _, r := range rules {
		if r.check != nil {
			r.check(f, func(at syntax.Node, format string, args ...any) *diag.Diagnostic {
				d := f.at(r, syntax.Start(at), diag.New("", format, args...).Message)
				found = append(found, d)
				return d
			})
		}
	}
	found.Sort()
	return found
}

// file is what rules look at.
type file struct {
	name     string
	lines    []string
	tree     *syntax.File
	builtins map[string]dsl.Builtin
}

// at is a Diagnostic of a rule.
func (f *file) at(r Rule, pos syntax.Position, message string) *diag.Diagnostic {
	d := diag.New(r.ID, "%s", message)
	d.Stage, d.Severity = diag.Lint, r.Severity
	d.Pos = diag.Position{File: f.name, Line: int(pos.Line), Col: int(pos.Col)}
	if i := d.Pos.Line - 1; i >= 0 && i < len(f.lines) {
		d.Line = strings.TrimSuffix(f.lines[i], "\r")
	}
	return d
}

// resolve binds the names of the file and returns those that nobody knows.
func (f *file) resolve() diag.List {
	names := dsl.Names()
	known := func(name string) bool { _, ok := slices.BinarySearch(names, name); return ok }
	err := resolve.File(f.tree, known, starlark.Universe.Has)
	errs, _ := err.(resolve.ErrorList)
	var found diag.List
	for _, e := range errs {
		name, unknown := strings.CutPrefix(e.Msg, "undefined: ")
		if !unknown {
			found = append(found, f.at(rules[0], e.Pos, e.Msg))
			continue
		}
		name, _, _ = strings.Cut(name, " ")
		candidates := append(append(f.defined(), names...), starlark.Universe.Keys()...)
		found = append(found, f.at(rules[1], e.Pos, "undefined: "+name).Hint(diag.DidYouMean(name, candidates)))
	}
	return found
}

// defined are the names that the file defines at top level.
func (f *file) defined() []string {
	var names []string
	for _, s := range f.tree.Stmts {
		switch s := s.(type) {
		case *syntax.DefStmt:
			names = append(names, s.Name.Name)
		case *syntax.AssignStmt:
			if id, ok := s.LHS.(*syntax.Ident); ok {
				names = append(names, id.Name)
			}
		case *syntax.LoadStmt:
			for _, id := range s.To {
				names = append(names, id.Name)
			}
		}
	}
	return names
}
