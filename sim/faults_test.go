package sim_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rehearse-dev/rehearse/sim"
	"github.com/rehearse-dev/rehearse/sim/clock"
	"github.com/rehearse-dev/rehearse/sim/fault"
)

// inject fires a fault of the command line's form and returns what heals it.
func inject(t testing.TB, twin *sim.Twin, text string) (heal func()) {
	t.Helper()
	s, err := fault.Parse(text + ":heal=at:heal")
	if err != nil {
		t.Fatal(err)
	}
	fired := false
	e := fault.NewEngine(twin, twin.Clock(), []fault.Spec{s}, fault.Log{Armed: func(fault.Spec) {}, Laid: func(fault.Spec, string) {}, Fired: func(fault.Spec, string) { fired = true },
		Healed: func(fault.Spec, string) {}, Failed: func(_ fault.Spec, err error) { t.Error(err) }})
	e.Start(context.Background())
	if !fired {
		t.Fatalf("%s: not fired", text)
	}
	return func() { e.StepStarts(context.Background(), "heal") }
}

// release is the phase and the revisions of the cluster's Kube-OVN.
func release(t testing.TB, c client.Client) (phase, installed, target string) {
	t.Helper()
	o := &unstructured.Unstructured{}
	o.SetAPIVersion("operator.alauda.io/v1alpha1")
	o.SetKind("AppRelease")
	if err := c.Get(context.Background(), client.ObjectKey{Namespace: "cpaas-system", Name: "cni-kube-ovn"}, o); err != nil {
		t.Fatal(err)
	}
	charts, _, _ := unstructured.NestedMap(o.Object, "status", "charts")
	for _, x := range charts {
		x := x.(map[string]any)
		phase, installed = fmt.Sprint(x["phase"]), fmt.Sprint(x["installedRevision"])
	}
	l, _, _ := unstructured.NestedSlice(o.Object, "spec", "source", "charts")
	return phase, installed, fmt.Sprint(l[0].(map[string]any)["targetRevision"])
}

func TestWithoutItsGateKubeOVNIsNotDeliveredAndNobodySaysSo(t *testing.T) {
	twin := start(t, world(t, 1, 1), sim.Options{Pace: clock.Hold})
	m := management(t, twin)
	cfg, err := twin.Workload(context.Background(), "prod-a")
	if err != nil {
		t.Fatal(err)
	}
	w, err := client.New(cfg, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	heal := inject(t, twin, "kube-ovn-ungated")
	o := &unstructured.Unstructured{}
	o.SetAPIVersion("cluster.x-k8s.io/v1beta1")
	o.SetKind("Cluster")
	o.SetNamespace("cpaas-system")
	o.SetName("prod-a")
	patch := client.RawPatch(types.MergePatchType, []byte(`{"metadata":{"annotations":{"cpaas.io/kube-ovn-version":"v4.3.3"}}}`))
	if err := m.Patch(context.Background(), o, patch); err != nil {
		t.Fatal(err)
	}
	pass(t, twin, 30*time.Minute)
	if phase, installed, target := release(t, w); phase != "Success" || installed != "v4.2.26" || target != "v4.2.26" {
		t.Errorf("without the gate: got %s, installed %s, target %s, want the old Success", phase, installed, target)
	}
	heal()
	await(t, twin, "the delivery", func() error {
		if phase, installed, _ := release(t, w); phase != "Success" || installed != "v4.3.3" {
			return fmt.Errorf("%s, installed %s", phase, installed)
		}
		return nil
	})
}

// TestTheProviderOfKubeOVNSeesWhatItReads: its resync cannot help it, since site time is as slow as ours.
func TestTheProviderOfKubeOVNSeesWhatItReads(t *testing.T) {
	twin := start(t, world(t, 1, 1), sim.Options{Pace: 1})
	from := twin.Clock().Elapsed()
	m := management(t, twin)
	infra := func() *unstructured.Unstructured {
		o := newObject("infrastructure.cluster.x-k8s.io/v1beta2", "VSphereCluster", "prod-a")
		if err := m.Get(context.Background(), client.ObjectKeyFromObject(o), o); err != nil {
			t.Fatal(err)
		}
		return o
	}
	says := func(want string) func() error {
		return func() error {
			l, _, _ := unstructured.NestedSlice(infra().Object, "status", "conditions")
			for _, c := range l {
				if c := c.(map[string]any); c["type"] == "KubeOvnAppReleaseReady" && strings.Contains(fmt.Sprint(c["status"], " ", c["message"]), want) {
					return nil
				}
			}
			return fmt.Errorf("KubeOvnAppReleaseReady is not %q among %v", want, l)
		}
	}
	o := infra()
	if err := unstructured.SetNestedSlice(o.Object, nil, "status", "conditions"); err != nil {
		t.Fatal(err)
	}
	if err := m.Status().Update(context.Background(), o); err != nil {
		t.Fatal(err)
	}
	await(t, twin, "a condition that somebody removed from the VSphereCluster", says("True"))
	l := &unstructured.UnstructuredList{}
	l.SetAPIVersion("cluster.x-k8s.io/v1beta2")
	l.SetKind("MachineList")
	if err := m.List(context.Background(), l, client.HasLabels{"cluster.x-k8s.io/control-plane"}); err != nil || len(l.Items) != 1 {
		t.Fatalf("control-plane machines: got %d, %v, want 1", len(l.Items), err)
	}
	if err := m.Delete(context.Background(), &l.Items[0]); err != nil {
		t.Fatal(err)
	}
	await(t, twin, "a control-plane machine that goes", says("waiting for all control plane Nodes"))
	if got := twin.Clock().Elapsed() - from; got > 5*time.Minute {
		t.Errorf("it took %s of site time: that may have been the resync", got)
	}
}

func newObject(apiVersion, kind, name string) *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetAPIVersion(apiVersion)
	o.SetKind(kind)
	o.SetNamespace("cpaas-system")
	o.SetName(name)
	return o
}
