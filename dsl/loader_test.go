package dsl_test

import (
	"errors"
	"flag"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/dsl/diag"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the goldens")

// archive writes the files of a txtar archive to a directory with a .git, and returns the directory.
func archive(t testing.TB, files []txtar.File) string {
	t.Helper()
	dir := t.TempDir()
	for _, f := range append(files, txtar.File{Name: ".git/HEAD"}) {
		name := filepath.Join(dir, f.Name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, f.Data, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestLoadErrors(t *testing.T) {
	names, err := filepath.Glob("testdata/load/*.txtar")
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(name)
			if err != nil {
				t.Fatal(err)
			}
			dir := archive(t, ar.Files)
			entry := ar.Files[0].Name
			if entry == "other.star" {
				entry = "main.star"
			}
			_, err = dsl.Loader{}.Runbook(filepath.Join(dir, entry))
			if !diag.Invalid(err) {
				t.Fatalf("got %v, want an error that says the file is invalid", err)
			}
			got := strings.ReplaceAll(diag.Text(err), dir+"/", "")
			want := &ar.Files[len(ar.Files)-1]
			if *update {
				want.Data = []byte(got)
				if err := os.WriteFile(name, txtar.Format(ar), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			if diff := cmp.Diff(got, string(want.Data)); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
		})
	}
}

func TestFilesOfARunbook(t *testing.T) {
	dir := archive(t, []txtar.File{
		{Name: "books/a.star", Data: []byte("load(\"//lib/b.star\", \"run\")\nload(\"@rehearse//acp.star\", \"matrix\")\nrunbook(name = \"a\", run = run)\n")},
		{Name: "lib/b.star", Data: []byte("def run(ctx, p):\n    pass\n")},
	})
	rb, err := dsl.Loader{}.Runbook(filepath.Join(dir, "books/a.star"))
	if err != nil {
		t.Fatal(err)
	}
	got := slices.Sorted(maps.Keys(rb.Files))
	if diff := cmp.Diff(got, []string{"//books/a.star", "//lib/b.star", "@rehearse//acp.star", "@rehearse//k8s.star"}); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	if want := "dc5af78c"; !strings.HasPrefix(rb.Files["//lib/b.star"], want) || len(rb.Files["//lib/b.star"]) != 64 {
		t.Errorf("got digest %s, want %s…", rb.Files["//lib/b.star"], want)
	}
}

func TestPrintIsHeard(t *testing.T) {
	loader, file := inMemory(t, "print.star", "print(\"hello\", 1)\n")
	var got []string
	loader.Print = func(pos dsl.Position, text string) { got = append(got, pos.String()+" "+text) }
	if err := loader.Check(file); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, []string{"print.star:1:1 hello 1"}); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
}

func TestWorldIsPlainData(t *testing.T) {
	loader, file := inMemory(t, "prod-a.world.star", `
world(
    acp = "4.2.4",
    clusters = [cluster("prod-a", "testdata", etcd = "model")],
    vcenter = vcenter({"new": "v1.34.5", "old": "v1.33.7-3"}),
    registry = registry(["acp/chart:v1"]),
    timing = {"boot": "2m"},
)
`)
	w, err := loader.World(file)
	if err != nil {
		t.Fatal(err)
	}
	wd, _ := os.Getwd()
	want := &dsl.World{
		Name: "prod-a", File: "prod-a.world.star", Pos: dsl.Position{File: "prod-a.world.star", Line: 2, Col: 1}, ACP: "4.2.4",
		Clusters: []dsl.WorldCluster{{Name: "prod-a", Manifests: filepath.Join(wd, "testdata"), Etcd: "model", Pos: dsl.Position{File: "prod-a.world.star", Line: 4, Col: 17}}},
		VCenter: dsl.WorldVCenter{Templates: []dsl.WorldTemplate{
			{Name: "new", Kubernetes: "v1.34.5", Pos: dsl.Position{File: "prod-a.world.star", Line: 5, Col: 15}},
			{Name: "old", Kubernetes: "v1.33.7-3", Pos: dsl.Position{File: "prod-a.world.star", Line: 5, Col: 15}},
		}},
		Registry: dsl.WorldRegistry{Artifacts: []string{"acp/chart:v1"}},
		Timing:   w.Timing,
	}
	if diff := cmp.Diff(w, want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	if len(w.Timing) != 1 || w.Timing["boot"].Minutes() != 2 {
		t.Errorf("got timing %v, want boot 2m", w.Timing)
	}
}

func TestBind(t *testing.T) {
	loader, file := inMemory(t, "params.star", `
runbook(name = "x", run = lambda ctx, p: None, params = {
    "cluster": param.name("the cluster"),
    "target": param.version("the target", one_of = ["4.2.5", "4.3.0"]),
    "pace": param.enum(["slow", "fast"], "how fast", default = "slow"),
    "after": param.duration("how long", default = "30m"),
    "times": param.int("how often", default = 1),
    "really": param.bool("sure?", default = False),
    "why": param.string("a reason", default = ""),
})
`)
	rb, err := loader.Runbook(file)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name  string
		given map[string]string
		want  string
	}{
		{"everything that is wrong is said at once", map[string]string{"clutser": "a", "times": "many"}, `params.star:2:1: param-unknown: runbook x has no parameter "clutser"
    2 | runbook(name = "x", run = lambda ctx, p: None, params = {
      | ^
hint: did you mean "cluster"?

params.star:3:16: param-missing: parameter cluster is missing: the cluster
    3 |     "cluster": param.name("the cluster"),
      |                ^
hint: add --param cluster=NAME

params.star:4:15: param-missing: parameter target is missing: the target
    4 |     "target": param.version("the target", one_of = ["4.2.5", "4.3.0"]),
      |               ^
hint: add --param target=VERSION

params.star:7:14: param-invalid: parameter times: got "many", want an integer
    7 |     "times": param.int("how often", default = 1),
      |              ^
`},
		{"a version that is not in the list", map[string]string{"cluster": "prod-a", "target": "4.3.1"}, `params.star:4:15: param-invalid: parameter target: got "4.3.1", want one of 4.2.5, 4.3.0
    4 |     "target": param.version("the target", one_of = ["4.2.5", "4.3.0"]),
      |               ^
hint: did you mean "4.3.0"?
`},
		{"a name that is none", map[string]string{"cluster": "Prod A", "target": "4.3.0"}, `params.star:3:16: param-invalid: parameter cluster: got "Prod A", want the name of an object: small letters, digits, dots and hyphens
    3 |     "cluster": param.name("the cluster"),
      |                ^
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := rb.Bind(tt.given)
			if !diag.Invalid(err) {
				t.Fatalf("got %v, want an error that says nothing was started", err)
			}
			if diff := cmp.Diff(diag.Text(err), tt.want); diff != "" {
				t.Errorf("(-got +want):\n%s", diff)
			}
		})
	}
	p, err := rb.Bind(map[string]string{"cluster": "prod-a", "target": "v4.3.0"})
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"cluster": "prod-a", "target": "4.3.0", "pace": "slow", "after": "30m", "times": "1", "really": "False", "why": ""}
	if diff := cmp.Diff(p.Strings(), want); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	if _, err := rb.Bind(p.Strings()); err != nil {
		t.Errorf("Bind does not read back what Strings gave: %v", err)
	}
}

func FuzzLoader(f *testing.F) {
	for _, seed := range []string{
		"runbook(name = \"x\", run = lambda ctx, p: None)", "load(\"@rehearse//acp.star\", \"matrix\")", "x = [",
		"world(clusters = [cluster(\"a\", \"testdata\")])", "load(\"fuzz.star\", \"x\")", "def f():\n\treturn f()\nf()", "version(\"1.2\").",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		if strings.Contains(source, "*") || strings.Contains(source, "range") {
			return // asks for memory, or for time
		}
		loader, file := inMemory(t, "fuzz.star", source)
		rb, err := loader.Runbook(file)
		if err == nil {
			_, err = rb.Bind(nil)
		}
		if err != nil && (!diag.Invalid(err) || diag.Text(err) == "") {
			t.Fatalf("got %v (%T), want a diagnostic", err, err)
		}
		for _, d := range diag.All(err) {
			if d.Pos.Line == 0 && d.Code != "declares-one" {
				t.Fatalf("%s has no position", d)
			}
		}
		if errors.Is(err, fs.ErrNotExist) && !strings.Contains(source, "load") {
			t.Fatal(err)
		}
	})
}

// A link does not lead out of the root, and a byte order mark of another system's editor is no mistake.
func TestWhatALoaderReads(t *testing.T) {
	dir := archive(t, []txtar.File{
		{Name: "main.star", Data: []byte("load(\"link.star\", \"x\")\n")},
		{Name: "in/here.star", Data: []byte("\ufeffx = 1\r\n")},
	})
	outside := filepath.Join(t.TempDir(), "outside.star")
	if err := os.WriteFile(outside, []byte("x = 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link.star")
	for target, want := range map[string]string{"in/here.star": "", outside: "it is a link out of the root"} {
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
		err := dsl.Loader{}.Check(filepath.Join(dir, "main.star"))
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", target, err, want)
		}
		if err := os.Remove(link); err != nil {
			t.Fatal(err)
		}
	}
	if err := (dsl.Loader{}).Check("/dev/zero"); err == nil || !strings.Contains(err.Error(), "larger than 4 MiB") {
		t.Errorf("a file without an end: got %v", err)
	}
}
