package archtest

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
)

// kubernetes is the version of the libraries; the binaries that a twin runs are of the release that belongs to it.
const kubernetes = "v0.35.4"

// pinned are the staging modules of Kubernetes, which go together. Others under k8s.io have versions of their own.
var pinned = []string{"k8s.io/api", "k8s.io/apiextensions-apiserver", "k8s.io/apimachinery", "k8s.io/apiserver",
	"k8s.io/client-go", "k8s.io/cluster-bootstrap", "k8s.io/component-base", "k8s.io/kubelet"}

// followed are what we pin as Cluster API does: its controllers are tested with these and no others.
var followed = []string{"k8s.io/api", "k8s.io/client-go", "sigs.k8s.io/controller-runtime"}

func TestKubernetesModulesAreOfOneRelease(t *testing.T) {
	have := requires(t, root+"/go.mod")
	for _, m := range pinned {
		if got := have[m]; got != kubernetes {
			t.Errorf("%s: got %q, want %s", m, got, kubernetes)
		}
	}
}

func TestPinsAreThoseOfClusterAPI(t *testing.T) {
	const capi = "sigs.k8s.io/cluster-api"
	c := exec.Command("go", "list", "-m", "-f", "{{.GoMod}}", capi)
	c.Dir = root
	b, err := c.Output()
	if err != nil {
		t.Fatalf("go list -m %s: %v", capi, err)
	}
	have, want := requires(t, root+"/go.mod"), requires(t, strings.TrimSpace(string(b)))
	for _, m := range followed {
		if have[m] != want[m] || have[m] == "" {
			t.Errorf("%s: got %q, want %q as %s %s has it", m, have[m], want[m], capi, have[capi])
		}
	}
}

// requires are the versions that a go.mod file requires.
func requires(t *testing.T, file string) map[string]string {
	t.Helper()
	b, err := exec.Command("go", "mod", "edit", "-json", file).Output()
	if err != nil {
		t.Fatalf("go mod edit -json %s: %v", file, err)
	}
	var m struct {
		Require []struct{ Path, Version string }
		Tool    []struct{ Path string }
	}
	if err := json.Unmarshal(b, &m); err != nil {
		t.Fatal(err)
	}
	versions := map[string]string{}
	for _, r := range m.Require {
		versions[r.Path] = r.Version
	}
	return versions
}
