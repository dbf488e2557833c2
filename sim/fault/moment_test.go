package fault

import (
	"strings"
	"testing"
	"time"
)

func TestAMomentIsReadAsItIsWritten(t *testing.T) {
	for _, c := range []struct {
		when, heal string
		want       Moment
	}{
		{"start", "never", Moment{}},
		{"before:preflight", "", Moment{Before: "preflight"}},
		{"at:preflight", "at:preflight", Moment{Step: "preflight"}},
		{"time:20m0s", "time:20m0s", Moment{After: 20 * time.Minute}},
		{"machine:md-0/2", "", Moment{Role: "md-0", Nth: 2}},
		{"phase:control-plane/Deleting/1", "", Moment{Role: "control-plane", Phase: "Deleting", Nth: 1}},
		{"call:CloneVM_Task/3", "", Moment{Call: "CloneVM_Task", Nth: 3}},
		{"call:patch:KubeadmControlPlane/1", "", Moment{Call: "patch:KubeadmControlPlane", Nth: 1}},
		{"", "after:3", Moment{Felt: 3}},
		{"", "operator", Moment{Operator: true}},
	} {
		for text, of := range map[string]func(Spec) Moment{
			"when=" + c.when: func(s Spec) Moment { return s.When }, "heal=" + c.heal: func(s Spec) Moment { return s.Heal }} {
			if strings.HasSuffix(text, "=") {
				continue
			}
			s, err := Parse("drain-blocked:" + text)
			if err != nil {
				t.Errorf("%s: %v", text, err)
				continue
			}
			if got := of(s); got != c.want {
				t.Errorf("%s: got %+v, want %+v", text, got, c.want)
			}
			if got := of(s).String(); got != "start" && "when="+got != text && "heal="+got != text {
				t.Errorf("%s: is written %s", text, got)
			}
		}
	}
}

func TestAMomentThatMakesNoSenseIsRefused(t *testing.T) {
	for _, text := range []string{
		"when=tomorrow", "when=never", "when=before:", "when=at:", "when=time:-1m", "when=machine:md-0", "when=machine:/1",
		"when=machine:a/Deleting/1", "when=phase:md-0/1", "when=phase:md-0/Sulking/1", "when=phase:/Deleting/1",
		"when=call:clone/1", "when=call:CloneVM_Task", "when=call:CloneVM_Task/0", "when=call:/1", "when=call:read:Machine/1",
		"when=call:patch:/1", "when=after:1", "when=operator",
		"heal=start", "heal=before:x", "heal=machine:md-0/1", "heal=after:0", "heal=after:once", "heal=operator:x",
	} {
		if s, err := Parse("drain-blocked:" + text); err == nil {
			t.Errorf("%s: got %+v and no error", text, s)
		}
	}
}
