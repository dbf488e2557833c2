package runner

import (
	"fmt"
	"maps"
	"slices"
)

// missing is the first place, in the order of the names, where an object lacks what is wanted or has it otherwise; ""
// when it has everything. What it has beyond that (defaults, what a server adds) does not matter.
func missing(want, got any) string { return missingAt("", want, got) }

func missingAt(path string, want, got any) string {
	switch want := want.(type) {
	case nil:
		return ""
	case map[string]any:
		m, ok := got.(map[string]any)
		if !ok {
			break
		}
		for _, k := range slices.Sorted(maps.Keys(want)) {
			if d := missingAt(path+"."+k, want[k], m[k]); d != "" {
				return d
			}
		}
		return ""
	case []any:
		l, ok := got.([]any)
		if !ok || len(l) != len(want) {
			break
		}
		for i := range want {
			if d := missingAt(fmt.Sprintf("%s[%d]", path, i), want[i], l[i]); d != "" {
				return d
			}
		}
		return ""
	default:
		if want == got || isNumber(want) && isNumber(got) && fmt.Sprint(want) == fmt.Sprint(got) {
			return ""
		}
	}
	return fmt.Sprintf("%s: got %s, want %s", path[min(1, len(path)):], shown(got), shown(want))
}

func isNumber(x any) bool {
	switch x.(type) {
	case int, int64, float64:
		return true
	}
	return false
}

// shown is a value in a message; a long one is cut.
func shown(x any) string {
	if x == nil {
		return "nothing"
	}
	s := fmt.Sprintf("%v", x)
	if t, ok := x.(string); ok {
		s = fmt.Sprintf("%q", t)
	}
	if r := []rune(s); len(r) > 80 {
		s = string(r[:79]) + "…"
	}
	return s
}
