package archtest

import (
	"go/ast"
	"slices"
	"strings"
	"testing"
)

// banned are functions and variables of the standard library that make a run depend on the machine.
var banned = []struct {
	pkg   string
	names []string // nil: all but seeded
	tests bool     // banned in tests too
	why   string
}{
	{"time", []string{"Now", "Since", "Until", "After", "AfterFunc", "NewTicker", "NewTimer"}, false,
		"time comes from the site's clock"},
	{"time", []string{"Sleep", "Tick"}, true, "time comes from the site's clock, and tests wait on a condition"},
	{"math/rand", nil, true, "chance comes from the run's seed"},
	{"math/rand/v2", nil, true, "chance comes from the run's seed"},
	{"os", []string{"Exit", "Args"}, false, "only a command is told what to do, and says how it went"},
}

// seeded are the names of math/rand that draw from a source that the caller gives.
var seeded = []string{"New", "NewChaCha8", "NewPCG", "NewSource", "NewZipf", "ChaCha8", "PCG", "Rand", "Source", "Zipf"}

// allowed are the places where real time, or the process, is the point. file is a pattern.
var allowed = []struct {
	file  string
	calls []string
	why   string
}{
	{"cmd/...", []string{"os.Args", "os.Exit", "time.After", "time.NewTicker", "time.NewTimer", "time.Now", "time.Since", "time.Tick"},
		"commands live in the machine's time: progress, names of run folders, builds"},
	{"dsl/limits.go", []string{"time.NewTicker"}, "a script computes in real time, and is watched meanwhile"},
	{"fakes/fakekit/fakeclock/clock.go", []string{"time.AfterFunc"}, "ends a test that hangs"},
	{"fakes/kubelet/barrier.go", []string{"time.AfterFunc"}, "controllers that are separate processes answer in real time"},
	{"fakes/kubelet/lease.go", []string{"time.NewTicker", "time.NewTimer", "time.Now"}, "the node controller that watches leases keeps the machine's time"},
	{"fakes/kubelet/machine.go", []string{"time.NewTicker", "time.NewTimer"}, "the node controller finds a node lost in real time"},
	{"fakes/kubelet/settle.go", []string{"time.AfterFunc", "time.Now", "time.Since"}, "waits for separate processes to come to rest"},
	{"fakes/vcenter/readers.go", []string{"time.AfterFunc"}, "clients read what they were told in real time"},
	{"runner/disks.go", []string{"time.AfterFunc"}, "a vCenter that hangs must not hold the observer"},
	{"sim/boot.go", []string{"time.AfterFunc"}, "a boot that never ends has to end"},
	{"sim/clock/clock.go", []string{"time.Now"}, "the clock's own start"},
	{"sim/clock/clock_test.go", []string{"time.After"}, "looks for what must not happen"},
	{"sim/clock/run.go", []string{"time.Sleep"}, "the quiet window is real"},
	{"sim/kube/controllers.go", []string{"time.NewTicker", "time.NewTimer"}, "connections to real processes come about in real time"},
	{"sim/kube/pki.go", []string{"time.Now"}, "certificates are checked by the clock of this process"},
	{"sim/kube/plane_etcd.go", []string{"time.After"}, "etcd processes choose a leader in real time"},
	{"sim/kube/process.go", []string{"time.After", "time.NewTicker"}, "child processes start and stop in real time"},
	{"sim/kube/process_linux_test.go", []string{"time.Sleep"}, "the kernel delivers a signal in its own time, and tells nobody"},
	{"sim/kube/process_test.go", []string{"time.Sleep"}, "plays a child process that never ends"},
	{"sim/kubeovn.go", []string{"time.AfterFunc", "time.NewTicker"}, "an API server serves a new kind, and the registry answers, in its own time"},
	{"sim/ready.go", []string{"time.NewTicker"}, "looks at a clock that runs, from outside it"},
	{"sim/snapshot.go", []string{"time.NewTicker"}, "processes wait for each other in real time"},
}

func TestBannedCallsAreMadeOnlyWhereAllowed(t *testing.T) {
	used := make([]map[string]bool, len(allowed))
	for i := range used {
		used[i] = map[string]bool{}
	}
	for _, s := range tree(t) {
		for _, u := range uses(s) {
			ok := false
			for i, a := range allowed {
				if within(a.file, s.path) && slices.Contains(a.calls, u.call) {
					used[i][u.call], ok = true, true
				}
			}
			if !ok && !(s.test() && !u.tests) {
				t.Errorf("%s:%d: %s: %s", s.path, u.line, u.call, u.why)
			}
		}
	}
	for i, a := range allowed {
		if !slices.IsSorted(a.calls) || i > 0 && allowed[i-1].file >= a.file {
			t.Errorf("%s: not sorted", a.file)
		}
		for _, c := range a.calls {
			if !used[i][c] {
				t.Errorf("%s is allowed %s but does not use it: remove that", a.file, c)
			}
		}
	}
}

// use is a place where a file names something banned.
type use struct {
	call, why string
	line      int
	tests     bool
}

func uses(s source) []use {
	var l []use
	for _, b := range banned {
		name := s.name(b.pkg)
		if name == "" {
			continue
		}
		ast.Inspect(s.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, ok := sel.X.(*ast.Ident)
			if !ok || x.Name != name {
				return true
			}
			ok = slices.Contains(b.names, sel.Sel.Name)
			if b.names == nil {
				ok = !slices.Contains(seeded, sel.Sel.Name)
			}
			if !ok {
				return true
			}
			l = append(l, use{strings.TrimSuffix(b.pkg, "/v2") + "." + sel.Sel.Name, b.why, s.line(sel), b.tests})
			return true
		})
	}
	return l
}
