package sim

import "testing"

func TestContainerdIsThatOfTheTemplate(t *testing.T) {
	for kubernetes, want := range map[string]string{"v1.31.14-2": "1.7.23-4", "v1.33.6": "1.7.27-4",
		"v1.33.7-3": "1.7.29-4", "v1.34.5": "2.2.1-5", "v1.34.5-3": "2.2.1-5", "v1.35.6-acp.1": "2.2.6-3",
		"v1.30.1": "", "latest": ""} {
		if got := containerd(kubernetes); got != want {
			t.Errorf("%s: got %q, want %q", kubernetes, got, want)
		}
	}
}
