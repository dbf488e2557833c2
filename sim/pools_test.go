package sim_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-logr/logr"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/rehearse-dev/rehearse/fakes/configpool"
	"github.com/rehearse-dev/rehearse/sim"
	"github.com/rehearse-dev/rehearse/sim/assets"
	"github.com/rehearse-dev/rehearse/sim/clock"
	"github.com/rehearse-dev/rehearse/sim/kube"
)

// pooled is prod-b with one control-plane machine, and pools that are reclaimed at once.
func pooled(t testing.TB) sim.World {
	t.Helper()
	w := world(t, 1, 1)
	dir := t.TempDir()
	files, err := filepath.Glob(filepath.Join("..", "scenarios", "vsphere", "prod-b", "*.yaml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no manifests (%v)", err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(b), "releaseDelayHours: 24", "releaseDelayHours: 0")
		text = strings.NewReplacer("replicas: 3", "replicas: 1", "      maxSurge: 0\n  machineTemplate", "      maxSurge: 1\n  machineTemplate").Replace(text)
		if err := os.WriteFile(filepath.Join(dir, filepath.Base(f)), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	w.Clusters = []sim.Cluster{{Name: "prod-b", Manifests: dir}}
	return w
}

// TestARestoredTwinHasTheDisksOfItsSlots: their files and identities are vCenter's, and no API server knows them all.
func TestARestoredTwinHasTheDisksOfItsSlots(t *testing.T) {
	binaries, err := assets.Lookup{Getenv: os.Getenv}.Find(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	p, err := sim.Load(pooled(t), 1)
	if err != nil {
		t.Fatal(err)
	}
	o := sim.Options{Dir: filepath.Join(t.TempDir(), "booted"), Binaries: binaries, Pace: clock.Hold, Log: logr.Discard()}
	saved, err := p.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer saved.Close()
	before, dir := saveAtRest(t, saved)
	o.Dir = filepath.Join(t.TempDir(), "restored")
	twin, err := p.Restore(t.Context(), o, dir)
	if err != nil {
		t.Fatal(err)
	}
	defer twin.Close()
	for _, d := range differences(before, whole(t, twin)) {
		t.Errorf("-saved +restored: %s", d)
	}
	if !strings.Contains(fmt.Sprint(slices.Collect(maps.Values(before))), "var-cpaas.vmdk") {
		t.Error("the twin that was saved has no persistent disk")
	}
}

// TestAPoolOnATwin looks at what no upgrade shows: the field that upstream does not know, admission, and a slot that is
// reclaimed, with a vCenter that fails to delete its disks at first.
func TestAPoolOnATwin(t *testing.T) {
	w := pooled(t)
	twin := start(t, w, sim.Options{Pace: clock.Free})
	known(t, twin, w)
	scheme, err := kube.NewScheme()
	if err != nil {
		t.Fatal(err)
	}
	admin, err := client.New(twin.Management(), client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	infra := func(kind, name string) *unstructured.Unstructured {
		t.Helper()
		o := &unstructured.Unstructured{}
		o.SetAPIVersion("infrastructure.cluster.x-k8s.io/v1beta1")
		o.SetKind(kind)
		if err := admin.Get(t.Context(), types.NamespacedName{Namespace: "cpaas-system", Name: name}, o); err != nil {
			t.Fatal(err)
		}
		return o
	}

	t.Run("a template keeps the field in both versions and does not let go of it", func(t *testing.T) {
		o := infra("VSphereMachineTemplate", "prod-b-md-0")
		if got := configpool.PoolOf(o).Name; got != "prod-b-md-0" {
			t.Fatalf("v1beta1: got pool %q", got)
		}
		if err := unstructured.SetNestedField(o.Object, "prod-b-control-plane", append(configpool.Fields["VSphereMachineTemplate"], "name")...); err != nil {
			t.Fatal(err)
		}
		const want = "VSphereMachineTemplate spec.template.spec field is immutable. Please create a new resource instead."
		if err := admin.Update(t.Context(), o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %s", err, want)
		}
	})
	t.Run("an edit that refers to no template is refused", func(t *testing.T) {
		md := &clusterv1.MachineDeployment{}
		if err := admin.Get(t.Context(), types.NamespacedName{Namespace: "cpaas-system", Name: "prod-b-md-0"}, md); err != nil {
			t.Fatal(err)
		}
		before := md.DeepCopy()
		md.Spec.Template.Spec.InfrastructureRef.Name = "no"
		if err := admin.Patch(t.Context(), md, client.MergeFrom(before)); err == nil || !strings.Contains(err.Error(), "referenced VSphereMachineTemplate does not exist") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("a template with a providerID is refused", func(t *testing.T) {
		o := infra("VSphereMachineTemplate", "prod-b-md-0")
		spec, _, _ := unstructured.NestedMap(o.Object, "spec")
		filled := newObject("infrastructure.cluster.x-k8s.io/v1beta1", "VSphereMachineTemplate", "filled")
		filled.Object["spec"] = spec
		if err := unstructured.SetNestedField(filled.Object, "vsphere://42300000-0000-0000-0000-000000000000", "spec", "template", "spec", "providerID"); err != nil {
			t.Fatal(err)
		}
		if err := admin.Create(t.Context(), filled); err == nil || !strings.Contains(err.Error(), "spec.template.spec.providerID: Forbidden: cannot be set in templates") {
			t.Errorf("got %v", err)
		}
	})
	t.Run("with maxSurge 1 and a slot to spare the next machine has other disks", func(t *testing.T) {
		before := disksInUse(infra("VSphereMachineConfigPool", "prod-b-control-plane"))
		if len(before) != 1 || len(before["prod-b-cp-1"]) != 3 {
			t.Fatalf("in use: got %v, want the first slot with 3 disks", before)
		}
		tell(t, twin, "edit-split")
		var after map[string][]string
		await(t, twin, "another slot in use", func() error {
			pool := infra("VSphereMachineConfigPool", "prod-b-control-plane")
			if after = disksInUse(pool); len(after) != 1 || len(after["prod-b-cp-2"]) != 3 || strings.Contains(slots(pool), "Released") {
				return fmt.Errorf("in use: %v; slots: %s", after, slots(pool))
			}
			return nil
		})
		for _, disk := range after["prod-b-cp-2"] {
			if disk == "" || slices.Contains(before["prod-b-cp-1"], disk) {
				t.Errorf("disks: got %v after %v, want others", after, before)
			}
		}
	})
	t.Run("a slot that is not used any more is reclaimed, in the end", func(t *testing.T) {
		y := tell(t, twin, "disk-reclaim-fails:heal=operator")
		scale(t, admin, "prod-b-md-0", 1)
		states := func() (all string) { return slots(infra("VSphereMachineConfigPool", "prod-b-md-0")) }
		await(t, twin, "the reclaim fails", func() error {
			if s := states(); !strings.Contains(s, "Released Failed Permission to perform this operation was denied.") {
				return fmt.Errorf("slots: %s", s)
			}
			return nil
		})
		if hit := y.targets(); len(hit) == 0 || !strings.HasSuffix(hit[0], "/var-cpaas.vmdk: not deleted") {
			t.Errorf("hit: got %v", hit)
		}
		y.heal()
		await(t, twin, "the slot is free again", func() error {
			if s := states(); strings.Contains(s, "Released") || !strings.Contains(s, "Available Completed") {
				return fmt.Errorf("slots: %s", s)
			}
			return nil
		})
		left := 0
		for _, c := range poolDisks(infra("VSphereMachineConfigPool", "prod-b-md-0")) {
			if c != "" {
				left++
			}
		}
		if left != 2 {
			t.Errorf("disks: got %d left, want the 2 of the slot in use", left)
		}
	})
	t.Run("nobody looks after a slot while the provider is away", func(t *testing.T) {
		used := func() int { return strings.Count(slots(infra("VSphereMachineConfigPool", "prod-b-md-0")), "InUse") }
		begin, err := twin.StopController("infrastructure-vsphere")
		if err != nil {
			t.Fatal(err)
		}
		tell(t, twin, "slot-orphaned:role=prod-b-md-0")
		pass(t, twin, 15*time.Minute)
		if n := used(); n != 2 {
			t.Errorf("got %d slots in use, want that of a machine and the orphaned one", n)
		}
		begin()
		await(t, twin, "the orphaned slot is released", func() error {
			if n := used(); n != 1 {
				return fmt.Errorf("%d slots are in use", n)
			}
			return nil
		})
	})
	t.Run("a machine does not join while another one has its address", func(t *testing.T) { sharedAddress(t, twin, admin) })
	pass(t, twin, time.Minute)
}

// sharedAddress adds a slot with the address of the last one, and as many machines as there are slots.
func sharedAddress(t *testing.T, twin *sim.Twin, admin client.Client) {
	pool := func() *unstructured.Unstructured {
		o := newObject("infrastructure.cluster.x-k8s.io/v1beta1", "VSphereMachineConfigPool", "prod-b-md-0")
		if err := admin.Get(t.Context(), client.ObjectKeyFromObject(o), o); err != nil {
			t.Fatal(err)
		}
		return o
	}
	unique := func(want string) func() error {
		return func() error {
			conditions, _, _ := unstructured.NestedSlice(pool().Object, "status", "conditions")
			i := slices.IndexFunc(conditions, func(c any) bool { return c.(map[string]any)["type"] == "MembersUnique" })
			if i < 0 || !strings.Contains(fmt.Sprint(conditions[i]), want) {
				return fmt.Errorf("conditions: got %v, want MembersUnique with %s", conditions, want)
			}
			return nil
		}
	}
	workers := func() (joined, not []string) {
		l := &clusterv1.MachineList{}
		if err := admin.List(t.Context(), l, client.MatchingLabels{clusterv1.MachineDeploymentNameLabel: "prod-b-md-0"}); err != nil {
			t.Fatal(err)
		}
		for _, m := range l.Items {
			if m.Status.NodeRef.IsDefined() {
				joined = append(joined, m.Name)
			} else {
				not = append(not, m.Name)
			}
		}
		return joined, not
	}
	number := func(want int) func() error {
		return func() error {
			if joined, not := workers(); len(joined) != want {
				return fmt.Errorf("got %v joined and %v not, want %d joined", joined, not, want)
			}
			return nil
		}
	}

	name := tell(t, twin, "pool-duplicate:role=prod-b-md-0,heal=operator")
	await(t, twin, "the symptom of a hostname", unique("hostname prod-b-w-3 is that of configs[2] and configs[3]"))
	name.heal()
	await(t, twin, "the recovery of a hostname", unique("status:True"))
	address := tell(t, twin, "pool-duplicate:role=prod-b-md-0,field=ip,heal=operator")
	await(t, twin, "the symptom of an address", unique("is that of slots prod-b-w-3-x4 and prod-b-w-3-x4-x5"))

	scale(t, admin, "prod-b-md-0", 5)
	await(t, twin, "the others to join", number(3))
	pass(t, twin, 30*time.Minute)
	if _, not := workers(); len(not) != 2 {
		t.Errorf("not joined: got %v, want the 2 that share an address", not)
	}
	address.heal()
	await(t, twin, "the recovery of an address", unique("status:True"))
	scale(t, admin, "prod-b-md-0", 3) // machines without a node go first
	await(t, twin, "their slots", func() error {
		if got := slots(pool()); strings.Count(got, "Available") != 2 {
			return fmt.Errorf("got %s, want 2 free ones", got)
		}
		return nil
	})
	scale(t, admin, "prod-b-md-0", 5)
	await(t, twin, "all to join", number(5))
}

// slots are the states of a pool's slots, with how their reclaim stands.
func slots(pool *unstructured.Unstructured) (all string) {
	l, _, _ := unstructured.NestedSlice(pool.Object, "status", "configStatuses")
	for _, x := range l {
		s, _, _ := unstructured.NestedString(x.(map[string]any), "state")
		r, _, _ := unstructured.NestedString(x.(map[string]any), "reclaimStatus", "state")
		why, _, _ := unstructured.NestedString(x.(map[string]any), "reclaimStatus", "lastError")
		all += fmt.Sprintf("%s %s %s;", s, r, why)
	}
	return all
}

// disksInUse are the identities of the disks of the slots that machines have, by hostname.
func disksInUse(pool *unstructured.Unstructured) map[string][]string {
	m := map[string][]string{}
	states, _, _ := unstructured.NestedSlice(pool.Object, "status", "configStatuses")
	for _, s := range states {
		if s := s.(map[string]any); s["state"] == "InUse" {
			m[fmt.Sprint(s["hostname"])] = nil
		}
	}
	configs, _, _ := unstructured.NestedSlice(pool.Object, "spec", "configs")
	for _, c := range configs {
		c := c.(map[string]any)
		if _, used := m[fmt.Sprint(c["hostname"])]; used {
			m[fmt.Sprint(c["hostname"])] = poolDisks(&unstructured.Unstructured{Object: map[string]any{"spec": map[string]any{"configs": []any{c}}}})
		}
	}
	return m
}

// poolDisks are the identities of all disks of a pool, "" for one that is not there.
func poolDisks(pool *unstructured.Unstructured) (all []string) {
	configs, _, _ := unstructured.NestedSlice(pool.Object, "spec", "configs")
	for _, c := range configs {
		disks, _, _ := unstructured.NestedSlice(c.(map[string]any), "persistentDisks")
		for _, d := range disks {
			id, _, _ := unstructured.NestedString(d.(map[string]any), "diskUUID")
			all = append(all, id)
		}
	}
	return all
}
