package value

import (
	"math"
	"strings"
	"testing"

	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
	"go.starlark.net/syntax"
)

func TestDecodeReadsWhatEncodeWrote(t *testing.T) {
	v := mustVersion(t, "v1.33.7-1")
	d, _ := ParseDuration("25m")
	q, _ := ParseQuantity("100Gi")
	set := starlark.NewSet(2)
	set.Insert(starlark.String("b"))
	set.Insert(starlark.String("a"))
	dict := new(starlark.Dict)
	dict.SetKey(starlark.String("z"), starlark.MakeInt(1))
	dict.SetKey(starlark.String("a"), starlark.None)
	odd := new(starlark.Dict)
	odd.SetKey(starlark.String("$version"), starlark.MakeInt(1))
	odd.SetKey(starlark.Tuple{v, starlark.MakeInt(2)}, dict)
	tests := []struct {
		name string
		in   starlark.Value
		want string
	}{
		{"none", starlark.None, `null`},
		{"an int too big for 64 bits", starlark.MakeInt(math.MaxInt).Mul(starlark.MakeInt(8)), `73786976294838206456`},
		{"a whole float stays a float", starlark.Float(3), `3.0`},
		{"a big float", starlark.Float(1e21), `1e+21`},
		{"infinity", starlark.Float(math.Inf(1)), `{"$float":"+Inf"}`},
		{"text with HTML", starlark.String("a<b>&"), `"a<b>&"`},
		{"text that is not UTF-8", starlark.String("\xff"), `{"$text":"/w=="}`},
		{"bytes", starlark.Bytes("\x00"), `{"$bytes":"AA=="}`},
		{"a version", v, `{"$version":"v1.33.7-1"}`},
		{"a duration", d, `{"$duration":"25m"}`},
		{"a quantity", q, `{"$quantity":"100Gi"}`},
		{"a tuple", starlark.Tuple{v, starlark.True}, `{"$tuple":[{"$version":"v1.33.7-1"},true]}`},
		{"a set in its order", set, `{"$set":["b","a"]}`},
		{"a dict in its order", dict, `{"z":1,"a":null}`},
		{"a dict with keys that are no strings or look like tags", odd,
			`{"$dict":[["$version",1],[{"$tuple":[{"$version":"v1.33.7-1"},2]},{"z":1,"a":null}]]}`},
		{"a struct", starlarkstruct.FromStringDict(starlarkstruct.Default, starlark.StringDict{"b": q, "a": dict}),
			`{"$struct":{"a":{"z":1,"a":null},"b":{"$quantity":"100Gi"}}}`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			raw, err := Encode(tt.in)
			if err != nil || string(raw) != tt.want {
				t.Fatalf("Encode = %s, %v; want %s", raw, err, tt.want)
			}
			back, err := Decode(raw)
			if err != nil {
				t.Fatal(err)
			}
			if equal, err := starlark.Equal(tt.in, back); err != nil || !equal || back.Type() != tt.in.Type() {
				t.Errorf("Decode = %v (%s), want %v (%s)", back, back.Type(), tt.in, tt.in.Type())
			}
		})
	}
}

func TestEncodeSaysWhereItIsNotData(t *testing.T) {
	self := starlark.NewList(nil)
	self.Append(self)
	tests := []struct {
		name, expr, want string
	}{
		{"a function in a struct", `{"cluster": [1, {"restore": len}]}`, "cluster[1].restore: got builtin_function_or_method, want plain data"},
		{"a range", `range(3)`, "got range, want plain data"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, err := starlark.EvalOptions(&syntax.FileOptions{}, new(starlark.Thread), "x.star", tt.expr, nil)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Encode(v); err == nil || err.Error() != tt.want {
				t.Errorf("Encode = %v, want %s", err, tt.want)
			}
		})
	}
	for name, f := range map[string]func() error{
		"Encode": func() error { _, err := Encode(self); return err },
		"Plain":  func() error { _, err := Plain(self); return err },
	} {
		if err := f(); err == nil || !strings.Contains(err.Error(), "nested deeper than 200 levels") {
			t.Errorf("%s of a list in itself = %v, want it refused", name, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{"$struct":{"a":{"$version":"v1.2.3"}}}`, `[1,2.5,"x",{"$set":[1]}]`, `{"$dict":[[1,2]]}`, `{"$tuple":`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		v, err := Decode(raw)
		if err != nil {
			return
		}
		again, err := Encode(v)
		if err != nil {
			t.Fatalf("Encode(Decode(%s)) = %v", raw, err)
		}
		if _, err := Decode(again); err != nil {
			t.Fatalf("Decode(%s) = %v", again, err)
		}
	})
}
