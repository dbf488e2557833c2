package archtest

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"

	batchv1 "k8s.io/api/batch/v1"
	"sigs.k8s.io/yaml"
)

var manifest = regexp.MustCompile("(?ms)^```yaml\n(.*?)^```$")

// People copy the manifest: it has to be one that an API server takes, and to say its number of shards twice alike.
func TestTheManifestOfTheScalePageHoldsTogether(t *testing.T) {
	page, err := os.ReadFile(filepath.Join(root, "docs/scale.md"))
	if err != nil {
		t.Fatal(err)
	}
	m := manifest.FindSubmatch(page)
	if m == nil {
		t.Fatal("got no manifest on the page")
	}
	var job batchv1.Job
	if err := yaml.UnmarshalStrict(m[1], &job); err != nil {
		t.Fatal(err)
	}
	s := job.Spec
	if s.CompletionMode == nil || *s.CompletionMode != batchv1.IndexedCompletion || s.Completions == nil {
		t.Fatal("got a Job that is not Indexed")
	}
	c := s.Template.Spec.Containers[0]
	if !slices.Contains(c.Args, "--shard=job") {
		t.Errorf("got arguments %q, want --shard=job", c.Args)
	}
	completions := ""
	for _, e := range c.Env {
		if e.Name == "JOB_COMPLETIONS" {
			completions = e.Value
		}
	}
	if want := strconv.Itoa(int(*s.Completions)); completions != want {
		t.Errorf("got JOB_COMPLETIONS %q, want the completions, %s", completions, want)
	}
	if s.PodFailurePolicy.Rules[1].OnExitCodes.ContainerName == nil || *s.PodFailurePolicy.Rules[1].OnExitCodes.ContainerName != c.Name {
		t.Error("the rule for exit codes is of another container")
	}
}
