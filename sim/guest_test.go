package sim_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vmware/govmomi"
	"github.com/vmware/govmomi/find"
	"github.com/vmware/govmomi/object"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rehearse-dev/rehearse/sim"
	"github.com/rehearse-dev/rehearse/sim/clock"
)

// switchOff switches VMs off. The provider switches them on again.
func switchOff(t *testing.T, twin *sim.Twin, names ...string) {
	t.Helper()
	c, err := govmomi.NewClient(t.Context(), twin.VCenter(), true)
	if err != nil {
		t.Fatal(err)
	}
	f := find.NewFinder(c.Client)
	var tasks []*object.Task
	for _, name := range names {
		vm, err := f.VirtualMachine(t.Context(), "/dc-1/vm/prod-a/"+name)
		if err != nil {
			t.Fatal(err)
		}
		task, err := vm.PowerOff(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		tasks = append(tasks, task)
	}
	for _, task := range tasks {
		if err := task.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// restarted is nil when the node is Ready, without a taint of its power cycle, and its containers were started once more.
func restarted(ctx context.Context, c client.Client, before corev1.Node) error {
	n := &corev1.Node{}
	if err := c.Get(ctx, client.ObjectKeyFromObject(&before), n); err != nil {
		return err
	}
	if n.UID != before.UID {
		return fmt.Errorf("node %s: got another Node, want the one before", n.Name)
	}
	if !slices.Equal(n.Spec.Taints, before.Spec.Taints) {
		return fmt.Errorf("node %s: got taints %v, want %v", n.Name, n.Spec.Taints, before.Spec.Taints)
	}
	if !slices.ContainsFunc(n.Status.Conditions, func(c corev1.NodeCondition) bool {
		return c.Type == corev1.NodeReady && c.Status == corev1.ConditionTrue
	}) {
		return fmt.Errorf("node %s: not Ready", n.Name)
	}
	pods := &corev1.PodList{}
	if err := c.List(ctx, pods); err != nil {
		return err
	}
	for _, p := range pods.Items {
		if p.Spec.NodeName != n.Name {
			continue
		}
		if s := p.Status.ContainerStatuses; len(s) == 0 || s[0].RestartCount != 1 || !s[0].Ready {
			return fmt.Errorf("pod %s on %s: got %+v, want one restart, ready", p.Name, n.Name, s)
		}
	}
	return nil
}

func TestAMachineThatIsSwitchedOffComesBackAsTheSameNode(t *testing.T) {
	w := world(t, 3, 1)
	// So short that the cluster has not missed the nodes yet.
	w.Timing = map[string]time.Duration{"guest-address": 2 * time.Second, "guest-restart": 2 * time.Second,
		"vm-power-off": time.Second, "vm-power-on": time.Second, "node-ready": time.Second}
	twin := start(t, w, sim.Options{Pace: clock.Hold})
	c := workload(t, twin)
	nodes := &corev1.NodeList{}
	if err := c.List(t.Context(), nodes); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(nodes.Items, func(n corev1.Node) bool { return strings.Contains(n.Name, "kcp") })
	j := slices.IndexFunc(nodes.Items, func(n corev1.Node) bool { return strings.Contains(n.Name, "md-0") })
	cycled := []corev1.Node{nodes.Items[i], nodes.Items[j]}
	twin.Clock().SetPace(10)
	switchOff(t, twin, cycled[0].Name, cycled[1].Name)
	for _, n := range cycled {
		await(t, twin, "the restart of "+n.Name, func() error { return restarted(t.Context(), c, n) })
	}
	if up, voters, err := twin.EtcdVoters("prod-a"); err != nil || len(up) != 3 || voters != 3 {
		t.Errorf("etcd members that run: got %v of %d, %v, want all three", up, voters, err)
	}
}

// controlPlane changes the shipped manifest of the control plane in a world.
func controlPlane(t *testing.T, w sim.World, from, to string) {
	t.Helper()
	file := filepath.Join(w.Clusters[0].Manifests, "20-control-plane.yaml")
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), from) {
		t.Fatalf("%s: got no %q", file, from)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(b), from, to, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// rollEtcd asks for another image tag of etcd and lets half an hour pass. It returns how many machines of the control
// plane there are and how many of them have a node.
func rollEtcd(t *testing.T, twin *sim.Twin, tag string) (machines, nodes int) {
	t.Helper()
	c := management(t, twin)
	kcp := &unstructured.Unstructured{}
	kcp.SetAPIVersion("controlplane.cluster.x-k8s.io/v1beta2")
	kcp.SetKind("KubeadmControlPlane")
	kcp.SetNamespace("cpaas-system")
	kcp.SetName("prod-a-kcp")
	patch := fmt.Appendf(nil,
		`{"spec":{"kubeadmConfigSpec":{"clusterConfiguration":{"etcd":{"local":{"imageTag":%q}}}}}}`, tag)
	if err := c.Patch(t.Context(), kcp, client.RawPatch(types.MergePatchType, patch)); err != nil {
		t.Fatal(err)
	}
	pass(t, twin, 30*time.Minute)
	for _, m := range list(t, c, "cluster.x-k8s.io/v1beta2", "Machine") {
		if _, ok := m.GetLabels()["cluster.x-k8s.io/control-plane"]; !ok {
			continue
		}
		machines++
		if name, _, _ := unstructured.NestedString(m.Object, "status", "nodeRef", "name"); name != "" {
			nodes++
		}
	}
	return machines, nodes
}

func TestAnOlderEtcdDoesNotJoin(t *testing.T) {
	w := world(t, 3, 1)
	controlPlane(t, w, "v3.5.27-260305", "v3.6.13-acp.0")
	twin := start(t, w, sim.Options{Pace: clock.Hold})
	if machines, nodes := rollEtcd(t, twin, "v3.5.28-260325"); machines != 4 || nodes != 3 {
		t.Errorf("got %d machines with %d nodes, want three that were there and one that never joins", machines, nodes)
	}
	if up, _, err := twin.EtcdVoters("prod-a"); err != nil || len(up) != 3 {
		t.Errorf("etcd members that run: got %v, %v, want those that were there", up, err)
	}
}

func TestAnImageThatIsNotInTheRegistryIsNotPulled(t *testing.T) {
	w := world(t, 3, 1)
	w.Artifacts = append(w.Artifacts, "tkestack/etcd:v3.5.27-260305")
	twin := start(t, w, sim.Options{Pace: clock.Hold})
	c := workload(t, twin)
	const image = "registry.prod.example:11443/tkestack/etcd:v3.5.28"
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: "etcdctl"},
		Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "etcdctl", Image: image}}}}
	if err := c.Create(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if machines, nodes := rollEtcd(t, twin, "v3.5.28"); machines != 4 || nodes != 3 {
		t.Errorf("got %d machines with %d nodes, want three that were there and one that never joins", machines, nodes)
	}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(p), p); err != nil {
		t.Fatal(err)
	}
	want := `Back-off pulling image "` + image + `": ErrImagePull: rpc error: code = NotFound desc = failed to pull and ` +
		`unpack image "` + image + `": failed to resolve reference "` + image + `": ` + image + `: not found`
	if s := p.Status.ContainerStatuses; len(s) != 1 || s[0].State.Waiting == nil ||
		s[0].State.Waiting.Reason != "ImagePullBackOff" || s[0].State.Waiting.Message != want {
		t.Errorf("container: got %+v, want ImagePullBackOff %s", s, want)
	}
}
