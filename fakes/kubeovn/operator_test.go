package kubeovn_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rehearse-dev/rehearse/fakes/fakekit/fakeclock"
	"github.com/rehearse-dev/rehearse/fakes/kubeovn"
	"github.com/rehearse-dev/rehearse/sim/assets"
	"github.com/rehearse-dev/rehearse/sim/kube"
)

// The operator is tested against a real API server: the CRD, its status subresource and its columns are half of it.
var server struct {
	once       sync.Once
	dir        string
	etcd       *kube.Etcd
	management *kube.Management
	err        error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if server.management != nil {
		server.management.Stop()
	}
	if server.etcd != nil {
		server.etcd.Stop()
	}
	if err := os.RemoveAll(server.dir); err != nil {
		fmt.Fprintln(os.Stderr, "remove what the API server left:", err)
		code = 1
	}
	os.Exit(code)
}

// startAPI starts an API server with the definition of AppReleases.
func startAPI() (err error) {
	ctx := context.Background() // it outlives the test that is the first to need it
	b, err := assets.Lookup{Getenv: os.Getenv}.Find(ctx)
	if err != nil {
		return err
	}
	if server.dir, err = os.MkdirTemp("", "kubeovn-"); err != nil {
		return err
	}
	crd := &apiextensionsv1.CustomResourceDefinition{}
	if err := yaml.Unmarshal(kubeovn.CRD(), crd); err != nil {
		return err
	}
	if server.etcd, err = kube.StartEtcd(ctx, b.Etcd, server.dir); err != nil {
		return err
	}
	server.management, err = kube.StartManagement(ctx, kube.ManagementConfig{Dir: filepath.Join(server.dir, "api"), APIServer: b.APIServer,
		ControllerManager: b.ControllerManager, EtcdURL: server.etcd.URL, Token: "of-a-test", Scheme: scheme.Scheme,
		CRDs: []*apiextensionsv1.CustomResourceDefinition{crd}})
	return err
}

// realAPI starts the one API server of this package and empties it.
func realAPI(t *testing.T) client.Client {
	t.Helper()
	server.once.Do(func() { server.err = startAPI() })
	if server.err != nil {
		t.Fatal(server.err)
	}
	c, err := client.New(server.management.Config, client.Options{Scheme: scheme.Scheme})
	if err != nil {
		t.Fatal(err)
	}
	old := release(t, nil)
	if err := client.IgnoreNotFound(c.Delete(t.Context(), old)); err != nil {
		t.Fatal(err)
	}
	return c
}

func cluster(revision string) *clusterv1.Cluster {
	return &clusterv1.Cluster{
		ObjectMeta: metav1.ObjectMeta{Name: "prod-a", Namespace: "cpaas-system", Annotations: map[string]string{
			kubeovn.NetworkTypeAnnotation: "kube-ovn", kubeovn.VersionAnnotation: revision,
			kubeovn.RegistryAnnotation: "registry.example.com:11443", "cpaas.io/kube-ovn-join-cidr": "100.64.0.0/16",
		}},
		Spec: clusterv1.ClusterSpec{
			ClusterNetwork: clusterv1.ClusterNetwork{
				Pods:     clusterv1.NetworkRanges{CIDRBlocks: []string{"10.3.0.0/16"}},
				Services: clusterv1.NetworkRanges{CIDRBlocks: []string{"10.4.0.0/16"}},
			},
			InfrastructureRef: clusterv1.ContractVersionedObjectReference{
				APIGroup: "infrastructure.cluster.x-k8s.io", Kind: "VSphereCluster", Name: "prod-a",
			},
			ControlPlaneRef: clusterv1.ContractVersionedObjectReference{
				APIGroup: "controlplane.cluster.x-k8s.io", Kind: "KubeadmControlPlane", Name: "prod-a-kcp",
			},
		},
	}
}

func release(t *testing.T, c *clusterv1.Cluster) *unstructured.Unstructured {
	t.Helper()
	if c == nil {
		c = cluster("v4.2.15")
	}
	o, err := kubeovn.Desired(c)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// rig is an operator, its cluster and its registry.
type rig struct {
	*kubeovn.Operator
	t       *testing.T
	client  client.Client
	clock   *fakeclock.Clock
	missing atomic.Bool // the registry lacks the chart
	asked   atomic.Int32
}

// charts are what the rig's registry has.
var charts = map[string]struct{}{
	"/v2/acp/chart-cpaas-kube-ovn/manifests/v4.2.15": {},
	"/v2/acp/chart-cpaas-kube-ovn/manifests/v4.3.3":  {},
	"/v2/acp/chart-kube-ovn/manifests/v4.4.1":        {},
}

func newRig(t *testing.T) *rig {
	r := &rig{t: t, client: realAPI(t), clock: fakeclock.New()}
	registry := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.asked.Add(1)
		_, there := charts[req.URL.Path]
		if req.Method != http.MethodHead || r.missing.Load() || !there {
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(registry.Close)
	r.Operator = kubeovn.NewOperator(r.clock, kubeovn.DefaultLatency(), kubeovn.Head(registry.Client(), func(repoURL string) (*url.URL, error) {
		if repoURL != "registry.example.com:11443" {
			return nil, fmt.Errorf("dial tcp: lookup %s: no such host", repoURL)
		}
		return url.Parse(registry.URL)
	}))
	return r
}

// run reconciles for a while of site time and returns what was seen: "phase installedRevision" at seconds.
func (r *rig) run(d time.Duration) []string {
	r.t.Helper()
	var seen []string
	begin := r.clock.Now()
	for {
		after, err := r.Reconcile(r.t.Context(), r.client)
		if err != nil {
			r.t.Fatal(err)
		}
		phase, installed := r.state()
		if now := fmt.Sprintf("%s %s", phase, installed); len(seen) == 0 || !strings.HasSuffix(seen[len(seen)-1], now) {
			seen = append(seen, fmt.Sprintf("%g %s", r.clock.Now().Sub(begin).Seconds(), now))
		}
		left := d - r.clock.Now().Sub(begin)
		if after == 0 || after > left {
			r.clock.Advance(left)
			return seen
		}
		r.clock.Advance(after)
	}
}

func (r *rig) get() *unstructured.Unstructured {
	r.t.Helper()
	o := release(r.t, nil)
	if err := r.client.Get(r.t.Context(), client.ObjectKeyFromObject(o), o); err != nil {
		r.t.Fatal(err)
	}
	return o
}

func (r *rig) state() (phase, installed string) {
	r.t.Helper()
	charts, _, err := unstructured.NestedMap(r.get().Object, "status", "charts")
	if err != nil || len(charts) > 1 {
		r.t.Fatalf("status.charts: got %v %v, want at most one", charts, err)
	}
	for _, c := range charts {
		phase, _, _ = unstructured.NestedString(c.(map[string]any), "phase")
		installed, _, _ = unstructured.NestedString(c.(map[string]any), "installedRevision")
	}
	return phase, installed
}

// condition is "status reason: message" of a condition.
func (r *rig) condition(kind string) string {
	r.t.Helper()
	var s struct {
		Status struct {
			Conditions []metav1.Condition `json:"conditions"`
		} `json:"status"`
	}
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(r.get().Object, &s); err != nil {
		r.t.Fatal(err)
	}
	for _, c := range s.Status.Conditions {
		if c.Type == kind {
			return fmt.Sprintf("%s %s: %s", c.Status, c.Reason, c.Message)
		}
	}
	return "none"
}

// edit changes the object as a person would.
func (r *rig) edit(change func(*unstructured.Unstructured)) {
	r.t.Helper()
	o := r.get()
	change(o)
	if err := r.client.Update(r.t.Context(), o); err != nil {
		r.t.Fatal(err)
	}
}

func (r *rig) want(revision string) {
	r.t.Helper()
	r.edit(func(o *unstructured.Unstructured) { o.Object["spec"] = release(r.t, cluster(revision)).Object["spec"] })
}

func (r *rig) seed() {
	r.t.Helper()
	if err := kubeovn.Seed(r.t.Context(), r.client, cluster("v4.2.15"), r.clock.Now()); err != nil {
		r.t.Fatal(err)
	}
}

func check(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s:\ngot  %q\nwant %q", what, got, want)
	}
}

func TestFirstInstallation(t *testing.T) {
	r := newRig(t)
	ns := &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: kubeovn.Namespace}}
	if err := r.client.Create(t.Context(), ns); client.IgnoreAlreadyExists(err) != nil {
		t.Fatal(err)
	}
	if err := r.client.Create(t.Context(), release(t, nil)); err != nil {
		t.Fatal(err)
	}
	check(t, "phases", r.run(10*time.Minute), []string{
		"0 Downloading ", "10 Installing ", "40 HealthChecking v4.2.15", "70 Success v4.2.15",
	})
}

// installedRevision flips before health is known: whoever looks at it alone declares victory too early.
func TestUpgrade(t *testing.T) {
	r := newRig(t)
	r.seed()
	check(t, "a seeded release rests", r.run(time.Hour), []string{"0 Success v4.2.15"})
	before := r.get().GetResourceVersion()
	r.run(time.Hour)
	if got := r.get().GetResourceVersion(); got != before {
		t.Errorf("resource version: got %s, want %s: a release at rest is not written", got, before)
	}
	r.want("v4.3.3")
	check(t, "phases", r.run(10*time.Minute), []string{
		"0 Upgrading v4.2.15", "30 HealthChecking v4.3.3", "60 Success v4.3.3",
	})
	for kind, want := range map[string]string{
		"Validate": "True Validated: the spec is valid",
		"Sync":     "True Synced: release cpaas-kube-ovn at v4.3.3 is deployed",
		"Health":   "True Healthy: the pods of release cpaas-kube-ovn at v4.3.3 are ready",
	} {
		if got := r.condition(kind); got != want {
			t.Errorf("%s: got %q, want %q", kind, got, want)
		}
	}
	o := r.get()
	if got, _, _ := unstructured.NestedInt64(o.Object, "status", "observedGeneration"); got != o.GetGeneration() {
		t.Errorf("observedGeneration: got %d, want %d", got, o.GetGeneration())
	}
}

func TestNewValuesAreSynced(t *testing.T) {
	r := newRig(t)
	r.seed()
	r.edit(func(o *unstructured.Unstructured) {
		if err := unstructured.SetNestedField(o.Object, "x", "spec", "values", "extra"); err != nil {
			t.Fatal(err)
		}
	})
	check(t, "phases", r.run(time.Minute), []string{
		"0 Syncing v4.2.15", "10 HealthChecking v4.2.15", "40 Success v4.2.15",
	})
}

func TestAChartThatIsNotInTheRegistry(t *testing.T) {
	r := newRig(t)
	r.seed()
	r.missing.Store(true)
	r.want("v4.3.3")
	check(t, "phases", r.run(5*time.Minute), []string{"0 Downloading v4.2.15", "10 DownloadFailed v4.2.15"})
	const what = "failed to download chart acp/chart-cpaas-kube-ovn:v4.3.3 from registry.example.com:11443: "
	if got := r.condition("Sync"); !strings.HasPrefix(got, "False DownloadFailed: "+what) ||
		!strings.HasSuffix(got, "404 Not Found") {
		t.Errorf("Sync: got %q", got)
	}
	asked := r.asked.Load()
	r.run(5 * time.Minute)
	if got := r.asked.Load() - asked; got < 5 {
		t.Errorf("registry was asked %d times in five minutes, want each minute", got)
	}
	r.missing.Store(false) // the artifact is synchronised; nobody touches the object
	if got := r.run(10 * time.Minute); got[len(got)-1] == "" || !strings.HasSuffix(got[len(got)-1], "Success v4.3.3") {
		t.Errorf("after the next interval sync: got %q, want Success", got)
	}
}

// Nobody answers at an address that the site's name service does not know.
func TestARegistryThatNobodyKnows(t *testing.T) {
	r := newRig(t)
	r.seed()
	r.edit(func(o *unstructured.Unstructured) {
		if err := unstructured.SetNestedField(o.Object, "registry.other:443", "spec", "source", "repoURL"); err != nil {
			t.Fatal(err)
		}
	})
	check(t, "phases", r.run(5*time.Minute), []string{"0 Downloading v4.2.15", "10 DownloadFailed v4.2.15"})
	const want = "False DownloadFailed: failed to download chart acp/chart-cpaas-kube-ovn:v4.2.15 from registry.other:443: " +
		"dial tcp: lookup registry.other:443: no such host"
	if got := r.condition("Sync"); got != want {
		t.Errorf("Sync: got %q, want %q", got, want)
	}
	if n := r.asked.Load(); n != 0 {
		t.Errorf("the registry was asked %d times, want never", n)
	}
}

// Each failure shows, stays while its cause is there, and ends when somebody touches the healed object.
func TestFailures(t *testing.T) {
	const cause = "hook post-upgrade: exit status 1"
	for _, tt := range []struct {
		failure   kubeovn.Phase
		condition string
		want      []string
		healed    []string
	}{
		{kubeovn.DownloadFailed, "Sync",
			[]string{"0 Downloading v4.2.15", "10 DownloadFailed v4.2.15"},
			[]string{"0 Downloading v4.2.15", "10 Upgrading v4.2.15", "40 HealthChecking v4.3.3", "70 Success v4.3.3"}},
		{kubeovn.DeployFailed, "Sync",
			[]string{"0 Upgrading v4.2.15", "30 DeployFailed v4.2.15"},
			[]string{"0 Upgrading v4.2.15", "30 HealthChecking v4.3.3", "60 Success v4.3.3"}},
		{kubeovn.NotReady, "Health",
			[]string{"0 Upgrading v4.2.15", "30 HealthChecking v4.3.3", "60 NotReady v4.3.3"},
			[]string{"0 HealthChecking v4.3.3", "30 Success v4.3.3"}},
	} {
		t.Run(string(tt.failure), func(t *testing.T) {
			r := newRig(t)
			r.seed()
			var fired []string
			heal, err := r.FailInto(tt.failure, cause, func(name string) {
				phase, _ := r.state() // whoever hears of it can see it
				fired = append(fired, name+" "+phase)
			})
			if err != nil {
				t.Fatal(err)
			}
			r.want("v4.3.3")
			check(t, "phases", r.run(20*time.Minute), tt.want)
			if got := r.condition(tt.condition); !strings.HasPrefix(got, "False "+string(tt.failure)+": ") ||
				!strings.HasSuffix(got, ": "+cause) {
				t.Errorf("%s: got %q", tt.condition, got)
			}
			check(t, "fired", fired, []string{kubeovn.Name + " " + string(tt.failure)})
			heal()
			r.edit(func(o *unstructured.Unstructured) { o.SetAnnotations(map[string]string{"touched": "yes"}) })
			check(t, "after a touch", r.run(90*time.Second), tt.healed)
		})
	}
	if _, err := newRig(t).FailInto(kubeovn.Success, "", nil); err == nil {
		t.Error("FailInto(Success): got no error")
	}
}

// The trap of the premature success: the revision is new, the pods are not ready, and nothing has failed.
func TestSlowPods(t *testing.T) {
	r := newRig(t)
	r.seed()
	heal := r.Inject(kubeovn.Fault{Edge: kubeovn.After(kubeovn.HealthChecking), Effect: kubeovn.Hold})
	r.want("v4.3.3")
	check(t, "phases", r.run(time.Hour), []string{"0 Upgrading v4.2.15", "30 HealthChecking v4.3.3"})
	heal()
	check(t, "healed", r.run(2*time.Minute), []string{"0 Success v4.3.3"})
}

// A chart that is renamed (v4.4) goes on as the same release: one entry in the status, not two.
func TestRenamedChart(t *testing.T) {
	r := newRig(t)
	r.seed()
	r.want("v4.4.1")
	check(t, "phases", r.run(time.Hour), []string{"0 Upgrading v4.2.15", "30 HealthChecking v4.4.1", "60 Success v4.4.1"})
}

func TestInvalidSpec(t *testing.T) {
	r := newRig(t)
	r.seed()
	r.edit(func(o *unstructured.Unstructured) {
		unstructured.RemoveNestedField(o.Object, "spec", "source", "charts")
	})
	check(t, "phases", r.run(time.Hour), []string{"0 Success v4.2.15"})
	if got, want := r.condition("Validate"), "False InvalidSpec: spec.source.charts: got 0, want 1"; got != want {
		t.Errorf("Validate: got %q, want %q", got, want)
	}
}

func TestColumns(t *testing.T) {
	r := newRig(t)
	r.seed()
	hc, err := rest.HTTPClientFor(server.management.Config)
	if err != nil {
		t.Fatal(err)
	}
	base, _, err := rest.DefaultServerUrlFor(server.management.Config)
	if err != nil {
		t.Fatal(err)
	}
	u := base.JoinPath("apis", "operator.alauda.io", "v1alpha1", "namespaces", kubeovn.Namespace, "appreleases")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, u.String(), nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io")
	resp, err := hc.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var table metav1.Table
	if err := json.NewDecoder(resp.Body).Decode(&table); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range table.ColumnDefinitions {
		names = append(names, c.Name)
	}
	check(t, "columns", names, []string{"Name", "Sync", "Health", "Age"})
	if got := fmt.Sprint(table.Rows[0].Cells[:3]); got != "[cni-kube-ovn Synced Healthy]" {
		t.Errorf("row: got %s", got)
	}
}
