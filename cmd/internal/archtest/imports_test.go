package archtest

import (
	"go/ast"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// rule says what packages must not import. Paths are patterns: "x" or "x/..."; those without a dot in their first
// element are ours. A deep rule looks at everything that ends up in the program, through whatever is between.
type rule struct {
	from   string
	except string // a pattern, "" for none
	never  []string
	deep   bool
	why    string
}

var rules = []rule{
	{from: "dsl/...", never: []string{"runner/...", "sim/...", "fakes/...", "scenarios/...", "cmd/..."}, deep: true,
		why: "a runbook means the same on a twin and on a live site, so its language knows neither"},
	{from: "dsl/...", never: []string{"k8s.io/...", "sigs.k8s.io/...", "github.com/vmware/..."}, deep: true,
		why: "objects are plain data to a script, and the language loads in an editor within 50 ms"},
	{from: "runner/...", never: []string{"sim/...", "fakes/...", "scenarios/...", "cmd/..."}, deep: true,
		why: "what touches production must not carry a simulator"},
	{from: "runner/...", never: []string{"sigs.k8s.io/cluster-api/...", "sigs.k8s.io/cluster-api-provider-vsphere/...",
		"sigs.k8s.io/controller-runtime/...", "github.com/vmware/govmomi/simulator/..."}, deep: true,
		why: "the runner speaks a site's protocols and contains none of its controllers"},
	{from: "runner/report/...", never: []string{"k8s.io/...", "net/http"}, deep: true,
		why: "a report is made from a journal and from nothing else"},
	{from: "runner/expect/...", never: []string{"k8s.io/...", "net/http"}, deep: true,
		why: "a run is judged by its journal and by nothing else"},
	{from: "runner/journal/...", never: []string{"k8s.io/...", "net/http"}, deep: true,
		why: "a journal is read where no site is in reach"},
	{from: "sim/...", never: []string{"runner/...", "dsl/...", "scenarios/...", "cmd/..."}, deep: true,
		why: "a twin can be driven without a runbook, and cannot know the one that it is asked to pass"},
	{from: "sim/clock/...", never: []string{"sim/kube/...", "sim/fault/...", "fakes/vcenter/...", "fakes/kubelet/...", "sim"}, deep: true,
		why: "the clock is below all that tells the time by it"},
	{from: "sim/fault/...", never: []string{"sim", "sim/kube/..."}, deep: true,
		why: "a fault says what it needs of a twin in small interfaces, which tests play"},
	{from: "sim/assets/...", never: []string{"k8s.io/...", "sigs.k8s.io/..."}, deep: true,
		why: "the builder of the control-plane binaries is run before anything is compiled"},
	{from: "fakes/...", never: []string{"sim/...", "runner/...", "dsl/...", "scenarios/...", "cmd/..."}, deep: true,
		why: "fakes are leaves: each runs alone in its own tests"},
	{from: "fakes/fakekit/...", never: []string{"k8s.io/...", "sigs.k8s.io/..."}, deep: true,
		why: "what all fakes share stays small"},
	{from: "...", except: "cmd/...", never: []string{"github.com/spf13/cobra/...", "cmd/..."},
		why: "libraries know no command line"},
}

// Tests are not looked at: an external test package may use whatever it needs to play the other side.
func TestImportsGoOneWay(t *testing.T) {
	for _, p := range list(t) {
		for _, r := range rules {
			if !r.binds(p.path) {
				continue
			}
			imports := p.imports
			if r.deep {
				imports = p.deps
			}
			bad := slices.DeleteFunc(slices.Clone(imports), func(i string) bool { return !r.forbids(i) })
			if len(bad) > 0 {
				t.Errorf("%s imports, itself or through others, %s and %d more: %s", p.path, bad[0], len(bad)-1, r.why)
			}
		}
	}
}

func TestFakesDoNotKnowEachOther(t *testing.T) {
	for _, p := range list(t) {
		if !within("fakes/...", p.path) {
			continue
		}
		own := strings.Join(strings.SplitN(p.path, "/", 3)[:2], "/")
		for _, i := range p.deps {
			if within("fakes/...", i) && !within("fakes/fakekit/...", i) && !within(own+"/...", i) {
				t.Errorf("%s imports %s: doubles are leaves; only sim puts them together", p.path, i)
			}
		}
	}
}

// Tests inside a package obey its rules too, or the seam would be tested across.
func TestInternalTestsObeyTheRules(t *testing.T) {
	for _, s := range tree(t) {
		if !s.test() || strings.HasSuffix(s.ast.Name.Name, "_test") {
			continue
		}
		for _, i := range s.ast.Imports {
			p, err := strconv.Unquote(i.Path.Value)
			if err != nil {
				t.Fatal(err)
			}
			p = strings.TrimPrefix(p, module+"/")
			for _, r := range rules {
				if r.binds(s.dir()) && r.forbids(p) {
					t.Errorf("%s imports %s: %s", s.path, p, r.why)
				}
			}
		}
	}
}

// shunned are packages that no file imports, tests included.
var shunned = []struct{ path, why string }{
	{"sigs.k8s.io/controller-runtime/pkg/envtest", "its children outlive us, and its import makes a folder in the user's cache: start servers with sim/kube"},
}

func TestNobodyImportsWhatIsShunned(t *testing.T) {
	for _, s := range tree(t) {
		for _, x := range shunned {
			if s.imports(x.path) {
				t.Errorf("%s imports %s: %s", s.path, x.path, x.why)
			}
		}
	}
}

func (s source) imports(path string) bool {
	return slices.ContainsFunc(s.ast.Imports, func(i *ast.ImportSpec) bool { return i.Path.Value == strconv.Quote(path) })
}

func (r rule) binds(pkg string) bool {
	return (r.from == "..." || within(r.from, pkg)) && !within(r.except, pkg)
}

func (r rule) forbids(imported string) bool {
	return slices.ContainsFunc(r.never, func(n string) bool { return within(n, imported) })
}

// listed is a package with what it imports; our own paths are without the module's.
type listed struct {
	path          string
	imports, deps []string
}

func list(t *testing.T) []listed {
	t.Helper()
	c := exec.Command("go", "list", "-f", `{{.ImportPath}}|{{join .Imports " "}}|{{join .Deps " "}}`, "./...")
	c.Dir = root
	b, err := c.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var l []listed
	for line := range strings.Lines(strings.ReplaceAll(string(b), module+"/", "")) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "|")
		l = append(l, listed{f[0], strings.Fields(f[1]), strings.Fields(f[2])})
	}
	return l
}
