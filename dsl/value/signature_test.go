package value

import (
	"testing"

	"github.com/rehearse-dev/rehearse/dsl/diag"
	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

func TestUnpack(t *testing.T) {
	sig := Sig(`id, fn, *args, risk="write", timeout=None, doc=""`)
	tests := []struct {
		call, want, hint string
	}{
		{`step("a", len, 1, 2, timeout = "30m")`, "", ""},
		{`step("a", len, timeout = None)`, "", ""},
		{`step("a")`, "bad-argument: step: missing argument for parameter fn",
			`the signature is step(id, fn, *args, risk="write", timeout=None, doc="")`},
		{`step(1, len)`, "bad-argument: step: for parameter id: got int, want string", ""},
		{`step("a", "b")`, "bad-argument: step: for parameter fn: got string, want function", ""},
		{`step("a", len, timeout = "soon")`,
			`bad-argument: step: for parameter timeout: got "soon", want a duration such as 90s, 30m or 1h30m`, ""},
		{`step("a", len, tiemout = "1m")`, `unknown-keyword: step: unexpected keyword argument "tiemout"`, `did you mean "timeout"?`},
		{`step("a", len, rsik = "read")`, `unknown-keyword: step: unexpected keyword argument "rsik"`, `did you mean "risk"?`},
		{`step("a", len, args = 1)`, `unknown-keyword: step: unexpected keyword argument "args"`, ""},
		{`step("a", len, id = "b")`, "bad-argument: step: got two values for parameter id", ""},
	}
	for _, tt := range tests {
		t.Run(tt.call, func(t *testing.T) {
			step := starlark.NewBuiltin("step", func(_ *starlark.Thread, b *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
				var id, risk, doc string
				var fn starlark.Callable
				var rest starlark.Tuple
				var timeout Duration
				return starlark.None, sig.Unpack(b.Name(), args, kwargs, &id, &fn, &rest, &risk, &timeout, &doc)
			})
			_, err := starlark.EvalOptions(&syntax.FileOptions{}, new(starlark.Thread), "x.star", tt.call, starlark.StringDict{"step": step})
			if tt.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			all := diag.All(err)
			if len(all) != 1 || all[0].Error() != tt.want {
				t.Fatalf("got %v, want %s", err, tt.want)
			}
			hint := ""
			if len(all[0].Hints) > 0 {
				hint = all[0].Hints[0]
			}
			if hint != tt.hint {
				t.Errorf("got hint %q, want %q", hint, tt.hint)
			}
		})
	}
}

func TestPositionalArgumentsTooMany(t *testing.T) {
	var a string
	err := Sig(`a, *, b=None`).Unpack("f", starlark.Tuple{starlark.String("x"), starlark.True}, nil, &a, new(bool))
	if want := "bad-argument: f: got 1 positional arguments too many"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}
