package sim

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/rehearse-dev/rehearse/fakes/etcd"
	"github.com/rehearse-dev/rehearse/fakes/fakekit/fakeclock"
	"github.com/rehearse-dev/rehearse/fakes/registry"
	"github.com/rehearse-dev/rehearse/fakes/vcenter"
	"github.com/rehearse-dev/rehearse/sim/fault"
	"github.com/rehearse-dev/rehearse/sim/kube"
)

// Until kubeadm init there is a cluster with nothing in it, and a fault that wants more says so.
func TestAFaultOfAClusterThatHasNotBegunIsRefused(t *testing.T) {
	twin := &Twin{workloads: []*workload{{name: "prod-a"}}}
	const want = `workload cluster "prod-a": it has no control plane yet`
	for name, do := range map[string]func() error{
		"etcd":      func() error { _, _, err := twin.EtcdVoters("prod-a"); return err },
		"a member":  func() error { _, err := twin.StopEtcd(t.Context(), "prod-a", "cp-1"); return err },
		"a release": func() error { _, err := twin.FailAppRelease("prod-a", "NotReady", "", nil); return err },
		"its API":   func() error { _, err := twin.Administrator("prod-a"); return err },
	} {
		if err := do(); err == nil || err.Error() != want {
			t.Errorf("%s: got %v, want %s", name, err, want)
		}
	}
}

func TestAGuestFaultTellsOfEachMachineOnce(t *testing.T) {
	var f guestFaults
	var told []string
	if f.fails(fault.JoinFails, "w-0") {
		t.Error("without a fault: it fails")
	}
	worker := func(m string) bool { return strings.HasPrefix(m, "w-") }
	heal := f.arm(&guestFault{edge: fault.JoinFails, which: worker, hit: func(name string) { told = append(told, name) }})
	for _, name := range []string{"w-1", "w-1", "w-2"} {
		if !f.fails(fault.JoinFails, name) {
			t.Errorf("%s: does not fail", name)
		}
	}
	if f.fails(fault.JoinFails, "cp-1") || f.fails(fault.BootHangs, "w-1") {
		t.Error("another machine or another edge: it fails")
	}
	if want := []string{"w-1", "w-2"}; !slices.Equal(told, want) {
		t.Errorf("told of %q, want %q", told, want)
	}
	if err := heal(); err != nil || f.fails(fault.JoinFails, "w-3") {
		t.Errorf("healed: it fails (%v)", err)
	}
}

// Who is told of a machine may heal the fault at once, as heal=after:1 does.
func TestAMachineIsBadWhenItIsToldOfAndGoodWhenTheFaultIsHealed(t *testing.T) {
	var f guestFaults
	bad := map[string]bool{}
	var heal func() error
	heal = f.arm(&guestFault{edge: fault.NodeNeverReady, which: func(string) bool { return true },
		spoil: func(m string, is bool) error { bad[m] = is; return nil },
		hit: func(m string) {
			if !bad[m] {
				t.Errorf("%s: told of before it is bad", m)
			}
			if m == "w-2" {
				if err := heal(); err != nil {
					t.Error(err)
				}
			}
		}})
	for _, m := range []string{"w-1", "w-2", "w-3"} {
		f.fails(fault.NodeNeverReady, m)
	}
	if bad["w-1"] || bad["w-2"] || bad["w-3"] || len(bad) != 2 {
		t.Errorf("after the heal: got %v, want w-1 and w-2 good again", bad)
	}
}

func TestAMachineIsOfWhatItIsNamedAfter(t *testing.T) {
	object := func(kind, name string) Manifest {
		o := &unstructured.Unstructured{}
		o.SetKind(kind)
		o.SetName(name)
		return Manifest{Object: o}
	}
	twin := &Twin{plan: &Plan{clusters: []*clusterPlan{
		{Cluster: Cluster{Name: "a"}, manifests: []Manifest{object("KubeadmControlPlane", "a-kcp"), object("MachineDeployment", "a-md"), object("MachineDeployment", "a-md-gpu")}},
		{Cluster: Cluster{Name: "b"}, manifests: []Manifest{object("KubeadmControlPlane", "b-kcp"), object("VSphereMachineTemplate", "b-x")}},
	}}}
	for _, c := range []struct {
		machine, cluster, role string
		want                   bool
	}{
		{"a-kcp-x1", "", "", true}, {"a-kcp-x1", "a", "control-plane", true}, {"a-kcp-x1", "b", "", false}, {"a-kcp-x1", "a", fault.Workers, false},
		{"a-md-q-x1", "a", "a-md", true}, {"a-md-q-x1", "a", fault.Workers, true}, {"a-md-gpu-q-x1", "a", "a-md", false}, {"a-md-gpu-q-x1", "a", "a-md-gpu", true},
		{"b-kcp-x1", "b", "control-plane", true}, {"b-x-1", "", "", false}, {"other", "", "", false},
	} {
		if got := twin.Which(c.cluster, c.role)(c.machine); got != c.want {
			t.Errorf("%s of cluster %q and role %q: got %v, want %v", c.machine, c.cluster, c.role, got, c.want)
		}
	}
}

func TestAProxyFindsAPlaceWhereNoTemplateNamesOne(t *testing.T) {
	for _, c := range []struct {
		places []vcenter.Place
		want   string // its datacenter
	}{
		{[]vcenter.Place{{Datacenter: "a"}, {Datacenter: "b"}}, "a"},
		{[]vcenter.Place{{Datacenter: "a"}, {Datacenter: "b", Folder: "f"}}, "b"},
		{[]vcenter.Place{{Datacenter: "a"}, {Datacenter: "b", ResourcePool: "r"}}, "b"},
	} {
		if got := placeOfVM(c.places).Datacenter; got != c.want {
			t.Errorf("%+v: got %s, want %s", c.places, got, c.want)
		}
	}
}

// The operator may have done what a heal is about to do.
func TestHealingTwiceIsHarmless(t *testing.T) {
	clock := fakeclock.New()
	vc, err := vcenter.Start(t.Context(), vcenter.Config{Clock: clock, Dir: t.TempDir(), Templates: []vcenter.Template{{Name: "new", Kubernetes: "v1.34.5"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer vc.Close()
	twin := &Twin{vcenter: vc, plan: &Plan{World: World{Templates: []Template{{Name: "new", Kubernetes: "v1.34.5"}}}}}
	show, err := twin.HideTemplate(t.Context(), "new")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := show(t.Context()); err != nil || !vc.HasTemplate("new") {
			t.Errorf("show: got %v, template there: %v", err, vc.HasTemplate("new"))
		}
	}
}

func TestAnEtcdMemberComesBackToWhatIsLeft(t *testing.T) {
	ca, err := kube.NewCA("etcd-ca")
	if err != nil {
		t.Fatal(err)
	}
	e := etcd.New(etcd.Config{Name: "prod-a", Clock: fakeclock.New(), ClientCAs: ca.Pool(), Certificate: func(member string) (tls.Certificate, error) {
		return ca.TLS(kube.Leaf{CommonName: member, IPs: []net.IP{net.IPv4(127, 0, 0, 1)}})
	}})
	defer e.Close()
	if err := e.Bootstrap(etcd.Peer{Name: "cp-1"}, etcd.Peer{Name: "cp-2"}, etcd.Peer{Name: "cp-3"}); err != nil {
		t.Fatal(err)
	}
	w := &workload{etcd: e, guests: map[string]*guest{"cp-1": {}, "cp-4": {}}}
	for _, m := range []string{"cp-1", "cp-2"} {
		e.Stop(m)
	}
	for _, m := range []string{
		"cp-1", // as it was
		"cp-2", // its machine was removed meanwhile
		"cp-4", // its member was removed meanwhile
	} {
		if err := w.startEtcd(m); err != nil {
			t.Errorf("%s: %v", m, err)
		}
	}
	var up []string
	for _, m := range e.Members() {
		if m.Up {
			up = append(up, m.Name)
		}
	}
	if want := []string{"cp-1", "cp-3"}; !slices.Equal(up, want) {
		t.Errorf("up: got %q, want %q", up, want)
	}
}

// Whatever a Cluster says, only the twin's own registry is asked, and not for ever.
func TestChartsComeFromTheTwinsRegistryAlone(t *testing.T) {
	asked := 0
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer other.Close()
	r, err := registry.Start(registry.Config{Clock: fakeclock.New(), Artifacts: []string{"acp/chart:v1"}})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	w := &workload{t: &Twin{registry: r}, registry: "registry.prod.example:11443"}
	for _, c := range []struct{ address, revision, want string }{
		{"registry.prod.example:11443", "v1", ""},
		{r.Host(), "v1", ""},
		{r.Host(), "v2", "404 Not Found"},
		{strings.TrimPrefix(other.URL, "http://"), "v1", "dial tcp: lookup 127.0.0.1: no such host"},
		{"registry.elsewhere.example", "v1", "dial tcp: lookup registry.elsewhere.example: no such host"},
	} {
		err := w.fetch(time.Minute)(t.Context(), c.address, "acp/chart", c.revision)
		if got := err == nil; got != (c.want == "") || err != nil && !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("%s at %s: got %v, want %q", c.revision, c.address, err, c.want)
		}
	}
	if asked != 0 {
		t.Errorf("another server was asked %d times", asked)
	}
	release := make(chan struct{})
	defer close(release)
	defer r.Inject(registry.Fault{Effect: registry.Missing, Fired: func(string) { <-release }})()
	if err := w.fetch(50*time.Millisecond)(context.Background(), r.Host(), "acp/chart", "v1"); err == nil || err.Error() != "i/o timeout" {
		t.Errorf("a registry that does not answer: got %v, want i/o timeout", err)
	}
}
