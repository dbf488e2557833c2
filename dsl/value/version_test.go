package value

import (
	"slices"
	"testing"

	"go.starlark.net/starlark"
	"pgregory.net/rapid"
)

func TestVersionsInOrder(t *testing.T) {
	ordered := []string{
		"v1.31.14-2", "v1.32.7", "v1.32.11-2", "v1.33.6", "v1.33.7", "v1.33.7-1", "v1.33.7-3", "v1.33.7-10",
		"v1.34.0-alpha.1", "v1.34.0-rc.1", "v1.34.0", "v1.34.5", "v1.34.5-1", "v1.35.6-acp.1", "v1.35.6-acp.2",
	}
	for i := 1; i < len(ordered); i++ {
		a, b := mustVersion(t, ordered[i-1]), mustVersion(t, ordered[i])
		if a.Compare(b) >= 0 || b.Compare(a) <= 0 {
			t.Errorf("%s is not before %s", a, b)
		}
	}
}

func TestVersionsThatAreEqual(t *testing.T) {
	for _, pair := range [][2]string{{"4.3.0", "v4.3.0"}, {"4.3", "v4.3.0"}, {"1.12.4-v4.2.8", "v1.12.4-v4.2.8"}} {
		a, b := mustVersion(t, pair[0]), mustVersion(t, pair[1])
		ha, _ := a.Hash()
		hb, _ := b.Hash()
		if a.Compare(b) != 0 || ha != hb {
			t.Errorf("%s and %s differ", a, b)
		}
		if a.String() != pair[0] {
			t.Errorf("got text %q, want %q as it was written", a, pair[0])
		}
	}
}

func TestNotAVersion(t *testing.T) {
	for _, text := range []string{"", "v", "1", "latest", "v1.x.2", "1.2.3 ", "99999999999999999999.1"} {
		if v, err := ParseVersion(text); err == nil {
			t.Errorf("ParseVersion(%q) = %v, want an error", text, v)
		}
	}
}

func TestVersionOrderIsTotal(t *testing.T) {
	gen := rapid.StringMatching(`v?[0-2]\.[0-2]\.[0-2]([-+](rc|acp|v)?\.?[0-2]?(\.[0-2])?)?`)
	rapid.Check(t, func(t *rapid.T) {
		var vs []Version
		for _, text := range rapid.SliceOfN(gen, 3, 3).Draw(t, "versions") {
			v, err := ParseVersion(text)
			if err != nil {
				t.Fatal(err)
			}
			vs = append(vs, v)
		}
		slices.SortFunc(vs, Version.Compare)
		if vs[0].Compare(vs[2]) > 0 || vs[0].Compare(vs[1]) > 0 || vs[1].Compare(vs[2]) > 0 {
			t.Fatalf("no order: %v", vs)
		}
		if vs[0].Compare(vs[1]) == 0 {
			a, _ := vs[0].Hash()
			b, _ := vs[1].Hash()
			if a != b {
				t.Fatalf("%v and %v are equal and hash apart", vs[0], vs[1])
			}
		}
	})
}

func TestDurationText(t *testing.T) {
	for in, want := range map[string]string{"90s": "1m30s", "30m": "30m", "3h": "3h", "0s": "0s", "1h0m5s": "1h0m5s", "100ms": "100ms"} {
		d, err := ParseDuration(in)
		if err != nil || d.String() != want {
			t.Errorf("ParseDuration(%q) = %v, %v; want %s", in, d, err, want)
		}
	}
}

func TestQuantities(t *testing.T) {
	same := [][2]string{{"1Ki", "1024"}, {"0.5", "500m"}, {"1e3", "1k"}, {"100Gi", "107374182400"}, {"1.", "1"}}
	for _, pair := range same {
		a, errA := ParseQuantity(pair[0])
		b, errB := ParseQuantity(pair[1])
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if equal, _ := starlark.Equal(a, b); !equal {
			t.Errorf("%s and %s differ", a, b)
		}
	}
	for _, text := range []string{"", "Gi", "1GiB", "1 Gi", "--1", "1e999"} {
		if q, err := ParseQuantity(text); err == nil {
			t.Errorf("ParseQuantity(%q) = %v, want an error", text, q)
		}
	}
}

func mustVersion(t *testing.T, text string) Version {
	t.Helper()
	v, err := ParseVersion(text)
	if err != nil {
		t.Fatal(err)
	}
	return v
}
