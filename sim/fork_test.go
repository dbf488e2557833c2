package sim_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	"github.com/vmware/govmomi"
	"github.com/vmware/govmomi/view"
	"github.com/vmware/govmomi/vim25/mo"
	"golang.org/x/sync/errgroup"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"github.com/rehearse-dev/rehearse/sim"
	"github.com/rehearse-dev/rehearse/sim/assets"
	"github.com/rehearse-dev/rehearse/sim/clock"
)

// own is what differs from one twin to the next: the ports of its servers, the times at which vcsim has made its objects,
// and the devices in a table of vcsim that all instances of a process share.
var own = []struct {
	re   *regexp.Regexp
	with string
}{
	{regexp.MustCompile(`127\.0\.0\.1:\d+`), "127.0.0.1:PORT"},
	{regexp.MustCompile(`(127\.0\.0\.1\\*",\s*\\*"port\\*": ?)\d+`), "${1}PORT"},
	{regexp.MustCompile(`"(changeVersion|modified|createDate|timestamp|bootTime)": "[^"]*"`), `"$1": "TIME"`},
	{regexp.MustCompile(`(\s*204,?){2,}`), " 204"},
}

func plain(v any) string {
	b, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return err.Error()
	}
	return string(b)
}

func alike(text string) string {
	for _, o := range own {
		text = o.re.ReplaceAllString(text, o.with)
	}
	return text
}

// passing is what belongs to the processes of a twin rather than to the twin: the leases of its kubelets and API servers,
// which are renewed, and the events in which its controllers tell of their start.
var passing = regexp.MustCompile(`^\S+ (coordination\.k8s\.io leases (kube-node-lease|kube-system/apiserver-)|(events\.k8s\.io)? events )`)

// differences of two twins.
func differences(a, b map[string]string) []string {
	var l []string
	keys := maps.Clone(a)
	maps.Copy(keys, b)
	for _, k := range slices.Sorted(maps.Keys(keys)) {
		if x, y := alike(a[k]), alike(b[k]); x != y && !passing.MatchString(k) {
			l = append(l, k+":\n"+cmp.Diff(strings.Split(x, "\n"), strings.Split(y, "\n")))
		}
	}
	return l
}

// stored is everything that an API server stores, by "resource namespace/name". Of an object it leaves out the version,
// and the times at which fields were written.
func stored(t testing.TB, cfg *rest.Config) map[string]string {
	t.Helper()
	d, err := discovery.NewDiscoveryClientForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	dyn, err := dynamic.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	lists, err := d.ServerPreferredResources()
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]string{}
	for _, l := range lists {
		gv, err := schema.ParseGroupVersion(l.GroupVersion)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range l.APIResources {
			if !slices.Contains(r.Verbs, "list") || r.Name == "componentstatuses" {
				continue
			}
			objects, err := dyn.Resource(gv.WithResource(r.Name)).List(t.Context(), metav1.ListOptions{})
			if err != nil {
				t.Fatalf("list %s of %s: %v", r.Name, gv, err)
			}
			for _, o := range objects.Items {
				m[gv.Group+" "+r.Name+" "+o.GetNamespace()+"/"+o.GetName()] = plain(unversioned(o))
			}
		}
	}
	return m
}

// unversioned is an object without its version, and a Secret's data as text.
func unversioned(o unstructured.Unstructured) map[string]any {
	o.SetResourceVersion("")
	o.SetManagedFields(nil)
	data, _, _ := unstructured.NestedStringMap(o.Object, "data")
	for k, v := range data {
		if b, err := base64.StdEncoding.DecodeString(v); err == nil && o.GetKind() == "Secret" {
			o.Object["data"].(map[string]any)[k] = string(b)
		}
	}
	return o.Object
}

// inventory is everything in vCenter, by reference.
func inventory(t testing.TB, twin *sim.Twin) map[string]string {
	t.Helper()
	c, err := govmomi.NewClient(t.Context(), twin.VCenter(), true)
	if err != nil {
		t.Fatal(err)
	}
	v, err := view.NewManager(c.Client).CreateContainerView(t.Context(), c.ServiceContent.RootFolder, nil, true)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]string{}
	var entities []mo.ManagedEntity
	if err := v.Retrieve(t.Context(), []string{"ManagedEntity"}, []string{"name", "parent"}, &entities); err != nil {
		t.Fatal(err)
	}
	for _, e := range entities {
		m[e.Self.String()] = plain(e)
	}
	var vms []mo.VirtualMachine
	if err := v.Retrieve(t.Context(), []string{"VirtualMachine"}, []string{"config", "guest", "runtime", "datastore", "network", "resourcePool", "layoutEx"}, &vms); err != nil {
		t.Fatal(err)
	}
	for _, vm := range vms {
		m[vm.Self.String()+" hardware"] = plain(vm)
	}
	return m
}

// whole is the whole state of a twin that can be seen from outside.
func whole(t testing.TB, twin *sim.Twin) map[string]string {
	t.Helper()
	cluster := twin.ClusterNames()[0]
	cfg, err := twin.Workload(context.Background(), cluster)
	if err != nil {
		t.Fatal(err)
	}
	m := map[string]string{}
	for of, part := range map[string]map[string]string{"management ": stored(t, twin.Management()), cluster + " ": stored(t, cfg), "vcenter ": inventory(t, twin)} {
		for k, v := range part {
			m[of+k] = v
		}
	}
	members, err := twin.EtcdMembers(cluster)
	if err != nil {
		t.Fatal(err)
	}
	m["etcd"] = plain(members)
	return m
}

// saveAtRest ends a twin. It tells what the twin was, and where that is written.
func saveAtRest(t testing.TB, twin *sim.Twin) (before map[string]string, dir string) {
	t.Helper()
	if err := twin.Rest(t.Context()); err != nil {
		t.Fatal(err)
	}
	before, dir = whole(t, twin), t.TempDir()
	if err := twin.Save(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	twin.Close()
	return before, dir
}

// ports are those of a twin's servers.
func ports(t testing.TB, m map[string]string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for k, text := range m {
		for _, p := range regexp.MustCompile(`127\.0\.0\.1(?::|\\*",\s*\\*"port\\*": ?)(\d{5})`).FindAllStringSubmatch(text, -1) {
			if !passing.MatchString(k) {
				found[p[1]] = true
			}
		}
	}
	return found
}

// TestARestoredTwinIsTheOneThatWasSaved compares all that can be seen of them, and lets the restored one live for an hour.
func TestARestoredTwinIsTheOneThatWasSaved(t *testing.T) {
	binaries, err := assets.Lookup{Getenv: os.Getenv}.Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p, err := sim.Load(world(t, 3, 2), 1)
	if err != nil {
		t.Fatal(err)
	}
	written, err := p.Manifests()
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "no-directory")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	saved, err := p.Start(t.Context(), sim.Options{Dir: filepath.Join(t.TempDir(), "booted"), Binaries: binaries, Pace: clock.Hold, Log: logr.Discard(), Snapshot: filepath.Join(file, "warm")})
	if err != nil {
		t.Fatal(err)
	}
	defer saved.Close()
	if n := saved.Notes(); len(n) != 1 || !strings.Contains(n[0], "no copy of a warm world") {
		t.Errorf("notes of a twin whose snapshots have no place: got %q, want that it was booted", n)
	}
	before, dir := saveAtRest(t, saved)
	if now, err := p.Manifests(); err != nil || string(now) != string(written) {
		t.Errorf("the plan, after a twin was booted from it: %v\n%s", err, cmp.Diff(strings.Split(string(written), "\n"), strings.Split(string(now), "\n")))
	}
	twin, err := p.Restore(t.Context(), sim.Options{Dir: filepath.Join(t.TempDir(), "restored"), Binaries: binaries, Pace: clock.Hold, Log: logr.Discard()}, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer twin.Close()
	after := whole(t, twin)
	if len(before) < 300 {
		t.Fatalf("got %d objects, want all", len(before))
	}
	for _, d := range differences(before, after) {
		t.Errorf("-saved +restored: %s", d)
	}
	old, now := ports(t, before), ports(t, after)
	for port := range now {
		if old[port] {
			t.Errorf("port %s of the twin that was saved stands in objects of the restored one", port)
		}
	}
	if len(now) != len(old) || len(now) < 4 {
		t.Errorf("ports: got %v, want one for each of %v", now, old)
	}
	missing := make(chan string, 100)
	heal := twin.HideArtifact("coredns", "", func(artifact string) { missing <- artifact })
	if err := twin.Pull("prod-a", "registry.prod.example:11443/tkestack/coredns:1.12.4"); err == nil || len(missing) == 0 {
		t.Errorf("an image of the site's registry that is missing in the restored twin: got %v and %d requests, want it refused", err, len(missing))
	}
	heal()
	pass(t, twin, time.Hour)
	machines := func(m map[string]string) (l []string) {
		for k, text := range m {
			if strings.Contains(k, " machines ") {
				l = append(l, k+regexp.MustCompile(`"uid": "[^"]*"`).FindString(text))
			}
		}
		return slices.Sorted(slices.Values(l))
	}
	if diff := cmp.Diff(machines(before), machines(whole(t, twin))); diff != "" {
		t.Errorf("machines, when the twin was saved and an idle hour after it was restored:\n%s", diff)
	}
	if s := twin.Clock().Stats(); s.Late != 0 {
		t.Errorf("late: got %d events after a jump, want 0", s.Late)
	}
}

// forkedDir and forkedTo tell the processes of the next test where the snapshots are and what to write.
const forkedDir, forkedTo = "REHEARSE_TEST_SNAPSHOTS", "REHEARSE_TEST_STATE"

// TestProcessesShareAWarmWorld starts two on a directory without a snapshot: one makes it, and both begin as its copy.
func TestProcessesShareAWarmWorld(t *testing.T) {
	if dir := os.Getenv(forkedDir); dir != "" {
		forked(t, dir, os.Getenv(forkedTo))
		return
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir, manifests := t.TempDir(), world(t, 1, 1).Clusters[0].Manifests
	var states [2]map[string]string
	var g errgroup.Group
	for i := range states {
		g.Go(func() error {
			to := filepath.Join(dir, fmt.Sprint("state-", i))
			c := exec.Command(self, "-test.run=^"+t.Name()+"$", "-test.v")
			c.Env = append(os.Environ(), forkedDir+"="+filepath.Join(dir, "warm"), forkedTo+"="+to, forkedWorld+"="+manifests)
			if out, err := c.CombinedOutput(); err != nil {
				return fmt.Errorf("process %d: %w\n%s", i, err, out)
			}
			b, err := os.ReadFile(to)
			if err != nil {
				return err
			}
			return json.Unmarshal(b, &states[i])
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	for _, d := range differences(states[0], states[1]) {
		t.Errorf("-one +the other: %s", d)
	}
	found, err := filepath.Glob(filepath.Join(dir, "warm", "*", "SHA256SUMS"))
	if err != nil || len(found) != 1 {
		t.Errorf("snapshots: got %v, %v, want one", found, err)
	}
}

// forkedWorld is the directory of the manifests: the two have the same world.
const forkedWorld = "REHEARSE_TEST_WORLD"

// forked is one of the processes. It holds its twin until the other one has one, too.
func forked(t *testing.T, dir, to string) {
	w := world(t, 1, 1)
	w.Clusters[0].Manifests = os.Getenv(forkedWorld)
	twin := start(t, w, sim.Options{Pace: clock.Hold, Snapshot: dir})
	if n := twin.Notes(); len(n) != 0 {
		t.Errorf("notes: got %q, want none", n)
	}
	state := whole(t, twin)
	b, err := json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to+".new", b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(to+".new", to); err != nil {
		t.Fatal(err)
	}
	await(t, twin, "the other process", func() error {
		found, _ := filepath.Glob(filepath.Join(filepath.Dir(to), "state-?"))
		if len(found) < 2 {
			return errors.New("has no twin yet")
		}
		return nil
	})
}
