package dsl_test

import (
	"slices"
	"testing"

	"github.com/rehearse-dev/rehearse/dsl"
)

func TestUndosRunBackwardsButAfterWhatTheyName(t *testing.T) {
	for _, tt := range []struct {
		name  string
		steps [][2]string // id, after
		want  []string
	}{
		{"from the last to the first", [][2]string{{"a", ""}, {"b", ""}, {"c", ""}}, []string{"c", "b", "a"}},
		{"what is named comes first, once", [][2]string{{"t", ""}, {"cp", ""}, {"cni", "cp"}, {"w-0", "cp"}, {"w-1", "cp"}},
			[]string{"cp", "w-1", "w-0", "cni", "t"}},
		{"what was never begun is not named", [][2]string{{"a", "z"}, {"b", "a"}}, []string{"a", "b"}},
		{"through several", [][2]string{{"a", ""}, {"b", "a"}, {"c", ""}, {"d", "b"}}, []string{"a", "b", "d", "c"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var steps []dsl.Step
			for _, s := range tt.steps {
				steps = append(steps, dsl.Step{ID: s[0], Undo: dsl.Undo{After: s[1]}})
			}
			var got []string
			for _, s := range dsl.Undoing(steps) {
				got = append(got, s.ID)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %v, want %v", got, tt.want)
			}
		})
	}
}
