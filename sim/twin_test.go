package sim_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rehearse-dev/rehearse/sim"
	"github.com/rehearse-dev/rehearse/sim/assets"
	"github.com/rehearse-dev/rehearse/sim/clock"
)

const (
	oldTemplate = "alaudaos-42.m55.202603160804-0.x86_64"
	newTemplate = "alaudaos-43.m55.202604161208-0.x86_64"
)

// world is prod-a with so many machines.
func world(t testing.TB, controlPlane, workers int) sim.World {
	t.Helper()
	dir := t.TempDir()
	src := filepath.Join("..", "scenarios", "vsphere", "prod-a")
	files, err := filepath.Glob(filepath.Join(src, "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no manifests in %s (%v)", src, err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		text := string(b)
		switch filepath.Base(f) {
		case "20-control-plane.yaml":
			text = strings.Replace(text, "replicas: 3", fmt.Sprintf("replicas: %d", controlPlane), 1)
		case "30-workers-md-0.yaml":
			text = strings.Replace(text, "replicas: 2", fmt.Sprintf("replicas: %d", workers), 1)
		case "31-workers-md-1.yaml":
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(f)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return sim.World{Name: "test", ACP: "4.3.0", Clusters: []sim.Cluster{{Name: "prod-a", Manifests: dir}},
		Templates: []sim.Template{{Name: oldTemplate, Kubernetes: "v1.33.7-3"}, {Name: newTemplate, Kubernetes: "v1.34.5"}},
		Artifacts: []string{"acp/chart-cpaas-kube-ovn:v4.2.26", "acp/chart-cpaas-kube-ovn:v4.3.3"}}
}

func start(t testing.TB, w sim.World, o sim.Options) *sim.Twin {
	t.Helper()
	p, err := sim.Load(w, 1)
	if err != nil {
		t.Fatal(err)
	}
	if o.Binaries == (assets.Set{}) {
		if o.Binaries, err = (assets.Lookup{Getenv: os.Getenv}).Find(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	o.Dir, o.Log = filepath.Join(t.TempDir(), "twin"), logr.Discard()
	twin, err := p.Start(context.Background(), o) // it has an end of its own
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(twin.Close)
	return twin
}

// await polls until do returns nil and says at the deadline what was missing.
func await(t testing.TB, twin *sim.Twin, what string, do func() error) {
	t.Helper()
	deadline := time.After(3 * time.Minute)
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		err := do()
		if err == nil {
			return
		}
		select {
		case <-tick.C:
		case <-twin.Failed():
			t.Fatalf("%s: %v", what, twin.Err())
		case <-deadline:
			t.Fatalf("%s: %v; clock held by %v, next %v, late %v", what, err, twin.Clock().Holders(), twin.Clock().Waiting(5), twin.Clock().GivenUp())
		}
	}
}

// pass lets site time pass.
func pass(t testing.TB, twin *sim.Twin, d time.Duration) {
	t.Helper()
	from := twin.Clock().Elapsed()
	twin.Clock().SetPace(clock.Free)
	await(t, twin, d.String()+" of site time", func() error {
		if got := twin.Clock().Elapsed() - from; got < d {
			return fmt.Errorf("%s have passed", got)
		}
		return nil
	})
}

func management(t testing.TB, twin *sim.Twin) client.Client {
	t.Helper()
	c, err := client.New(twin.Management(), client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func workload(t testing.TB, twin *sim.Twin) client.Client {
	t.Helper()
	cfg, err := twin.Workload(context.Background(), "prod-a")
	if err != nil {
		t.Fatal(err)
	}
	c, err := client.New(cfg, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func list(t testing.TB, c client.Client, apiVersion, kind string) []unstructured.Unstructured {
	t.Helper()
	l := &unstructured.UnstructuredList{}
	l.SetAPIVersion(apiVersion)
	l.SetKind(kind + "List")
	if err := c.List(context.Background(), l); err != nil {
		t.Fatalf("list %s: %v", kind, err)
	}
	return l.Items
}

// kinds are what a cluster consists of on the management cluster.
var kinds = []struct{ apiVersion, kind string }{
	{"cluster.x-k8s.io/v1beta2", "Cluster"}, {"cluster.x-k8s.io/v1beta2", "Machine"}, {"cluster.x-k8s.io/v1beta2", "MachineDeployment"},
	{"cluster.x-k8s.io/v1beta2", "MachineSet"}, {"controlplane.cluster.x-k8s.io/v1beta2", "KubeadmControlPlane"},
	{"bootstrap.cluster.x-k8s.io/v1beta2", "KubeadmConfig"}, {"infrastructure.cluster.x-k8s.io/v1beta2", "VSphereCluster"},
	{"infrastructure.cluster.x-k8s.io/v1beta2", "VSphereMachine"}, {"infrastructure.cluster.x-k8s.io/v1beta2", "VSphereVM"},
	{"addons.cluster.x-k8s.io/v1beta2", "ClusterResourceSet"}, {"addons.cluster.x-k8s.io/v1beta2", "ClusterResourceSetBinding"},
}

// drawn is everything in an object that is drawn or dated: names of machines, addresses, ports, identities, times.
var drawn = []struct{ re, with string }{
	{`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`, "UUID"},
	{`prod-a-(kcp|md-0)-[a-z0-9]{5}(-[a-z0-9]{5})?`, "prod-a-$1-N"},
	{`\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ`, "TIME"}, {`172\.20\.\d+\.\d+`, "ADDRESS"}, {`127\.0\.0\.1:?\d*`, "LOCAL"},
	{`\d{6,}-[a-z0-9]{5}`, "HASH"}, {`VirtualMachine:vm-\d+`, "VM"}, {`([0-9a-f]{2}:){5}[0-9a-f]{2}`, "MAC"}, {`esx-\d+`, "HOST"}, {`port:\d+`, "PORT"}, {`token:[a-z0-9]{6}\.[a-z0-9]{16}`, "TOKEN"}, {`sha256:[0-9a-f]{64}`, "HASH"},
}

// shape is what an object says about the state of its cluster: labels, annotations, owners, finalizers, spec, and of
// the status everything that is not a counter of the API server.
func shape(o unstructured.Unstructured) map[string]any {
	status, _, _ := unstructured.NestedMap(o.Object, "status")
	if status == nil {
		status = map[string]any{}
	}
	for _, k := range []string{"observedGeneration", "versions", "deprecated", "lastRemediation"} {
		delete(status, k)
	}
	conditions := map[string]any{}
	if l, ok := status["conditions"].([]any); ok {
		for _, c := range l {
			c := c.(map[string]any)
			conditions[fmt.Sprint(c["type"])] = fmt.Sprint(c["status"], " ", c["reason"])
		}
	}
	status["conditions"] = conditions
	var owners []string
	for _, r := range o.GetOwnerReferences() {
		owners = append(owners, r.Kind)
	}
	slices.Sort(owners)
	finalizers := slices.Sorted(slices.Values(o.GetFinalizers()))
	return map[string]any{"labels": o.GetLabels(), "annotations": slices.Sorted(maps.Keys(o.GetAnnotations())), "owners": owners, "finalizers": finalizers,
		"spec": o.Object["spec"], "status": status}
}

func masked(v any) string {
	text := fmt.Sprintf("%v", v)
	for _, d := range drawn {
		text = regexp.MustCompile(d.re).ReplaceAllString(text, d.with)
	}
	return text
}

// state is the state of a twin, by kind and by object, with everything that is drawn masked.
func state(t testing.TB, twin *sim.Twin) map[string][]string {
	t.Helper()
	c := management(t, twin)
	m := map[string][]string{}
	for _, k := range kinds {
		for _, o := range list(t, c, k.apiVersion, k.kind) {
			for f, v := range shape(o) {
				m[k.kind+"."+f] = append(m[k.kind+"."+f], masked(v))
			}
		}
	}
	w := workload(t, twin)
	nodes := &corev1.NodeList{}
	if err := w.List(context.Background(), nodes); err != nil {
		t.Fatal(err)
	}
	for _, n := range nodes.Items {
		m["Node.labels"] = append(m["Node.labels"], masked(n.Labels))
		m["Node.taints"] = append(m["Node.taints"], masked(n.Spec.Taints))
		m["Node.capacity"] = append(m["Node.capacity"], n.Status.Capacity.Cpu().String()+" "+n.Status.Capacity.Memory().String())
		m["Node.version"] = append(m["Node.version"], n.Status.NodeInfo.KubeletVersion)
		m["Node.providerID"] = append(m["Node.providerID"], masked(n.Spec.ProviderID))
		m["Node.addresses"] = append(m["Node.addresses"], masked(n.Status.Addresses))
	}
	pods := &corev1.PodList{}
	if err := w.List(context.Background(), pods); err != nil {
		t.Fatal(err)
	}
	for _, p := range pods.Items {
		if p.Namespace == "kube-system" {
			m["Pod"] = append(m["Pod"], masked(regexp.MustCompile(`-[a-z0-9]{5,10}(-[a-z0-9]{5})?$`).ReplaceAllString(p.Name, ""))+" "+p.Spec.Containers[0].Image+" "+string(p.Status.Phase))
		}
	}
	for k := range m {
		slices.Sort(m[k])
	}
	return m
}

func TestAClusterThatIsFoundRunningIsAsIfItHadBeenProvisioned(t *testing.T) {
	w := world(t, 1, 1)
	provisioned := func() map[string][]string {
		twin := start(t, w, sim.Options{Provision: true, Pace: clock.Hold})
		defer twin.Close()
		return state(t, twin)
	}()
	adopted := start(t, world(t, 1, 1), sim.Options{Pace: clock.Hold})
	if diff := cmp.Diff(provisioned, state(t, adopted)); diff != "" {
		t.Errorf("-provisioned +found running:\n%s", diff)
	}
	for _, n := range adopted.Notes() {
		t.Errorf("the shipped world: got the remark %q, want none", n)
	}
}

func TestAnAdoptedClusterIsNotRolled(t *testing.T) {
	w := world(t, 3, 1)
	twin := start(t, w, sim.Options{Pace: clock.Hold})
	c := management(t, twin)
	known(t, twin, w)
	names := func() (l []string) {
		for _, m := range list(t, c, "cluster.x-k8s.io/v1beta2", "Machine") {
			l = append(l, m.GetName()+" "+string(m.GetUID()))
		}
		slices.Sort(l)
		return l
	}
	before, from := names(), twin.Clock().Elapsed()
	twin.Clock().SetPace(clock.Free)
	await(t, twin, "an idle hour", func() error {
		if got := twin.Clock().Elapsed() - from; got < time.Hour {
			return fmt.Errorf("%s of site time have passed", got)
		}
		return nil
	})
	if diff := cmp.Diff(before, names()); diff != "" {
		t.Errorf("machines, before and after an idle hour:\n%s", diff)
	}
	if s := twin.Clock().Stats(); s.Late != 0 {
		t.Errorf("late: got %d events after a jump, want 0", s.Late)
	}
}

func TestAMachineThatIsDeletedWhileItBootsNeverJoins(t *testing.T) {
	twin := start(t, world(t, 1, 1), sim.Options{Pace: clock.Hold})
	c := management(t, twin)
	scale := func(n int) {
		t.Helper()
		for _, d := range list(t, c, "cluster.x-k8s.io/v1beta2", "MachineDeployment") {
			patch := client.RawPatch(types.MergePatchType, fmt.Appendf(nil, `{"spec":{"replicas":%d}}`, n))
			if err := c.Patch(t.Context(), &d, patch); err != nil {
				t.Fatal(err)
			}
		}
	}
	scale(2)
	booting := regexp.MustCompile(`guest (prod-a-md-0-\S+) kubeadm-join`)
	var name string
	twin.Clock().SetPace(60)
	await(t, twin, "a machine in kubeadm's hands", func() error {
		for _, timer := range twin.Clock().Waiting(1000) {
			if m := booting.FindStringSubmatch(timer); m != nil {
				name = m[1]
				twin.Clock().SetPace(clock.Hold)
				return nil
			}
		}
		return errors.New("none")
	})
	m := &unstructured.Unstructured{}
	m.SetAPIVersion("cluster.x-k8s.io/v1beta2")
	m.SetKind("Machine")
	m.SetNamespace("cpaas-system")
	m.SetName(name)
	if err := c.Delete(t.Context(), m); err != nil {
		t.Fatal(err)
	}
	scale(1)
	twin.Clock().SetPace(clock.Free)
	from := twin.Clock().Elapsed()
	await(t, twin, "the time that a join takes, and more", func() error {
		if got := twin.Clock().Elapsed() - from; got < 15*time.Minute {
			return fmt.Errorf("%s of site time have passed", got)
		}
		return nil
	})
	if err := workload(t, twin).Get(t.Context(), client.ObjectKey{Name: name}, &corev1.Node{}); !apierrors.IsNotFound(err) {
		t.Errorf("node of a machine that was deleted before it joined: got %v, want that there is none", err)
	}
}
