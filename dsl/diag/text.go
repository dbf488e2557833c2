package diag

import (
	"fmt"
	"strings"
)

// Text renders err for a person: each Diagnostic in it with its source line, caret, backtrace and hints, any other
// error as its message. The text ends in a newline.
func Text(err error) string {
	all := All(err)
	if len(all) == 0 {
		return err.Error() + "\n"
	}
	var b strings.Builder
	for i, d := range all {
		if i > 0 {
			b.WriteByte('\n')
		}
		d.text(&b)
	}
	return b.String()
}

func (d *Diagnostic) text(b *strings.Builder) {
	head, rest, _ := strings.Cut(d.Error(), "\n")
	fmt.Fprintln(b, head)
	if d.Line != "" {
		number := fmt.Sprintf("%5d", d.Pos.Line)
		fmt.Fprintf(b, "%s | %s\n", number, d.Line)
		if d.Pos.Col > 0 {
			fmt.Fprintf(b, "%*s | %s^\n", len(number), "", indent(d.Line, d.Pos.Col-1))
		}
	}
	if rest != "" {
		fmt.Fprintln(b, rest)
	}
	if len(d.Trace) > 1 || len(d.Trace) == 1 && d.Trace[0].Pos != d.Pos {
		for _, f := range d.Trace {
			fmt.Fprintf(b, "  in %s at %s\n", f.Func, f.Pos)
		}
	}
	for _, h := range d.Hints {
		fmt.Fprintf(b, "hint: %s\n", h)
	}
	if d.Doc != "" {
		fmt.Fprintf(b, "doc: %s\n", d.Doc)
	}
}

// indent is as wide as the first n characters of line: tabs stay, so that the caret stands under its character.
func indent(line string, n int) string {
	var b strings.Builder
	for i, r := range []rune(line) {
		if i == n {
			break
		}
		if r != '\t' {
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String()
}
