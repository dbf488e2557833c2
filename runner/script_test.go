package runner_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/runner"
	"github.com/rehearse-dev/rehearse/runner/journal"
)

// script is a runbook in the language itself.
func script(t *testing.T, source string) func(context.Context, dsl.Host) error {
	t.Helper()
	file := filepath.Join(t.TempDir(), "play.star")
	if err := os.WriteFile(file, []byte(source+"\nrunbook(name = \"play\", run = run)\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	rb, err := dsl.Loader{}.Runbook(file)
	if err != nil {
		t.Fatal(err)
	}
	p, err := rb.Bind(nil)
	if err != nil {
		t.Fatal(err)
	}
	return func(ctx context.Context, h dsl.Host) error { return rb.Run(ctx, h, p) }
}

func TestARunbookRunsOnASite(t *testing.T) {
	_, r := withConfigMap(t)
	got := r.run(t, script(t, `
def preflight(site):
    o = site.management.get("ConfigMap", "a", namespace = "ns")
    require(o["data"]["a"] == "old", "it is new already")
    return struct(value = o["data"]["a"], versions = {"z": version("v1.34.5"), "a": 1.0})

def change(site, s):
    site.management.patch("ConfigMap", "a", namespace = "ns", merge = {"data": {"a": s.value + "er"}})

def changed(site):
    got = site.management.get("ConfigMap", "a", namespace = "ns")["data"]["a"]
    return done(got) if got == "older" else pending("it is %s" % got)

def run(ctx, p):
    s = ctx.step("preflight", preflight, risk = "read")
    ctx.gate("start", "Go?")
    ctx.step("change", change, s, undo = "keep")
    got = ctx.wait("changed", changed, timeout = "1h")
    ctx.note("it is " + got)
`))
	expect(t, got, journal.Pass, runner.ExitPass, "preflight done", "start done", "change done", "changed done")
	if n := got.Run.Notes; len(n) != 1 || n[0].Text != "it is older" {
		t.Errorf("got notes %v", n)
	}
	want := `{"$struct":{"value":"old","versions":{"z":{"$version":"v1.34.5"},"a":1.0}}}`
	if v := string(got.Run.Steps[0].End.Value); v != want {
		t.Errorf("got value %s, want %s", v, want)
	}
}

func TestWhatARunbookSaysWhenItStops(t *testing.T) {
	const run = "\ndef run(ctx, p):\n    ctx.step(\"a\", body, undo = \"keep\")\n"
	tests := []struct {
		name, body   string
		code         int
		outcome      string
		message, fix string
		trace        string
	}{
		{"a requirement", `
def body(site):
    require(False, "the template is missing", code = "vsphere-template-missing", fix = "upload it", doc = "000")`,
			runner.ExitBlocked, "a blocked vsphere-template-missing", "the template is missing", "upload it",
			`    3 |     require(False, "the template is missing"`},
		{"an object that is not there", `
def body(site):
    site.management.get("ConfigMap", "z", namespace = "ns")`,
			runner.ExitFail, "a failed site-refused", "ConfigMap ns/z: not found", "",
			`    3 |     site.management.get("ConfigMap"`},
		{"a kind that is not there", `
def body(site):
    site.management.get("ConfigMapp", "z", namespace = "ns")`,
			runner.ExitFail, "a failed site-refused", "did you mean ConfigMap?", "",
			`    3 |     site.management.get("ConfigMapp"`},
		{"a mistake", `
def body(site):
    return 1 // 0`,
			runner.ExitFail, "a failed script-error", "division by zero", "", "    3 |     return 1 // 0"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, r := withConfigMap(t)
			got := r.run(t, script(t, tt.body+run))
			expect(t, got, journal.Fail, tt.code, tt.outcome)
			e := got.Run.Steps[0].End
			contains(t, "message", e.Message, tt.message)
			contains(t, "fix", e.Fix, tt.fix)
			contains(t, "trace", e.Trace, tt.trace)
			contains(t, "trace", e.Trace, "in body at ")
		})
	}
}

func TestARunbookWaitsForASiteThatDoesNotAnswer(t *testing.T) {
	api, r := withConfigMap(t)
	asked := 0
	api.fail = func(_, path string) int {
		if isConfigMap(path) {
			if asked++; asked < 7 {
				return 503
			}
		}
		return 0
	}
	got := r.run(t, script(t, `
def there(site):
    return done(site.management.get("ConfigMap", "a", namespace = "ns")["data"]["a"])

def run(ctx, p):
    ctx.wait("there", there, timeout = "1h")
`))
	expect(t, got, journal.Pass, runner.ExitPass, "there done")
	contains(t, "pending text", got.Run.Steps[0].Pending, "the site does not answer: get ConfigMap ns/a: ")
}
