package runner

import "testing"

func TestMissing(t *testing.T) {
	live := map[string]any{
		"kind": "VSphereMachineTemplate", "metadata": map[string]any{"name": "a", "uid": "x"},
		"spec": map[string]any{"numCPUs": int64(8), "template": "old", "networks": []any{map[string]any{"name": "n",
			"dhcp4": true}}},
	}
	tests := []struct {
		name string
		want any
		diff string
	}{
		{"nothing is missing", map[string]any{"metadata": map[string]any{"name": "a"}}, ""},
		{"another value", map[string]any{"spec": map[string]any{"template": "new"}}, `spec.template: got "old", want "new"`},
		{"an absent field", map[string]any{"spec": map[string]any{"folder": "/vm"}}, `spec.folder: got nothing, want "/vm"`},
		{"numbers of another type are equal", map[string]any{"spec": map[string]any{"numCPUs": float64(8)}}, ""},
		{"defaults inside of a list do not matter",
			map[string]any{"spec": map[string]any{"networks": []any{map[string]any{"name": "n"}}}}, ""},
		{"a list of another length", map[string]any{"spec": map[string]any{"networks": []any{}}},
			`spec.networks: got [map[dhcp4:true name:n]], want []`},
		{"an element of a list", map[string]any{"spec": map[string]any{"networks": []any{map[string]any{"name": "m"}}}},
			`spec.networks[0].name: got "n", want "m"`},
		{"null asks for nothing", map[string]any{"status": nil}, ""},
		{"the first difference by name", map[string]any{"spec": map[string]any{"z": 1, "a": true}},
			"spec.a: got nothing, want true"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := missing(tt.want, live); got != tt.diff {
				t.Errorf("got %q, want %q", got, tt.diff)
			}
		})
	}
}
