package diag

import (
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTextPointsAtTheCharacter(t *testing.T) {
	d := &Diagnostic{
		Code: "unknown-name", Stage: Load, Message: "undefined: vcentre",
		Pos:   Position{"run.star", 12, 6},
		Line:  "\tx = vcentre.vms()",
		Trace: []Frame{{"run", Position{"run.star", 30, 5}}, {"preflight", Position{"run.star", 12, 6}}},
		Hints: []string{`did you mean "vcenter"?`},
		Doc:   "seed 000",
	}
	want := `run.star:12:6: unknown-name: undefined: vcentre
   12 | 	x = vcentre.vms()
      | 	    ^
  in run at run.star:30:5
  in preflight at run.star:12:6
hint: did you mean "vcenter"?
doc: seed 000
`
	if diff := cmp.Diff(Text(fmt.Errorf("step preflight: %w", d)), want); diff != "" {
		t.Errorf("Text (-got +want):\n%s", diff)
	}
}

func TestInvalidIsAboutScriptsThatDidNotStart(t *testing.T) {
	cause := errors.New("refused")
	tests := []struct {
		name string
		err  error
		want bool
	}{
		{"a load error", &Diagnostic{Stage: Load}, true},
		{"a wrapped list of parameter errors", fmt.Errorf("x: %w", List{{Stage: Bind}, {Stage: Bind}}), true},
		{"errors of two files, joined", errors.Join(&Diagnostic{Stage: Load}, List{{Stage: Load}, {Stage: Bind}}), true},
		{"an error of a running script", &Diagnostic{Stage: Run, Err: cause}, false},
		{"any other error", cause, false},
		{"no error", nil, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Invalid(tt.err); got != tt.want {
				t.Errorf("Invalid(%v) = %v, want %v", tt.err, got, tt.want)
			}
		})
	}
	if n := len(All(errors.Join(&Diagnostic{}, fmt.Errorf("x: %w", List{{}, {}})))); n != 3 {
		t.Errorf("All found %d of 3 joined diagnostics", n)
	}
	if !errors.Is(List{{Err: cause}}.Or(), cause) {
		t.Error("a Diagnostic hides its cause from errors.Is")
	}
}

func TestNearest(t *testing.T) {
	tests := []struct {
		word string
		in   []string
		want string
	}{
		{"tiemout", []string{"doc", "every", "timeout"}, "timeout"},
		{"4.3.9", []string{"4.0.9", "4.2.5", "4.3.0", "4.3.1"}, "4.3.0"},
		{"vcentre", []string{"vcenter", "registry"}, "vcenter"},
		{"x", []string{"y"}, "y"},
		{"cluster", []string{"target", "param"}, ""},
		{"anything", nil, ""},
	}
	for _, tt := range tests {
		if got := Nearest(tt.word, tt.in); got != tt.want {
			t.Errorf("Nearest(%q, %q) = %q, want %q", tt.word, tt.in, got, tt.want)
		}
	}
}
