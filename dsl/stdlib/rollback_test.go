package stdlib_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/dsl/diag"
	"github.com/rehearse-dev/rehearse/dsl/dsltest"
)

// goBack runs the runbook that rolls the upgrade to 4.3.0 back.
func goBack(t *testing.T, host dsl.Host, more ...string) error {
	t.Helper()
	rb, err := dsl.Loader{}.Runbook("../../scenarios/vsphere/rollback.star")
	if err != nil {
		t.Fatal(diag.Text(err))
	}
	params := map[string]string{"cluster": "prod-a", "previous": "4.2.4"}
	for _, kv := range more {
		k, v, _ := strings.Cut(kv, "=")
		params[k] = v
	}
	p, err := rb.Bind(params)
	if err != nil {
		t.Fatal(diag.Text(err))
	}
	return rb.Run(t.Context(), host, p)
}

// halfUpgraded is prod-a as an upgrade leaves it that was stopped before its workers.
func halfUpgraded(t *testing.T) *estate {
	t.Helper()
	e := newEstate()
	err := upgrade(t, &dsltest.Host{Site: e, Tick: e.tick, Polls: 20, Meet: func(id string) {
		if id == "workers-prod-a-md-0" {
			set(e.management.Find("Cluster", "prod-a"), "spec/paused", true)
		}
	}}, "4.3.0")
	if err == nil {
		t.Fatal("the upgrade was not stopped")
	}
	set(e.management.Find("Cluster", "prod-a"), "spec/paused", false)
	e.management.Writes = nil
	return e
}

func TestAHalfDoneUpgradeIsRolledBack(t *testing.T) {
	e := halfUpgraded(t)
	host := &dsltest.Host{Site: e, Tick: e.tick}
	if err := goBack(t, host); err != nil {
		t.Fatal(diag.Text(err))
	}
	writes := []string{"patch KubeadmControlPlane cpaas-system/prod-a-kcp", "patch Cluster cpaas-system/prod-a"}
	if diff := cmp.Diff(e.management.Writes, writes); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	spec := mustJSON(e.management.Find("KubeadmControlPlane", "prod-a-kcp")["spec"])
	for _, want := range []string{`"version":"v1.33.7-3"`, `"imageTag":"1.12.4-v4.2.8"`, `"imageTag":"v3.5.27-260305"`,
		`"name":"prod-a-control-plane"`} {
		if !strings.Contains(spec, want) {
			t.Errorf("got %s, want it to contain %s", spec, want)
		}
	}
	for _, want := range []string{"note: the old VMs are gone", "joined: 000 permits going back, the later revision",
		"step workers-prod-a-md-0: noop", "wait verified: done"} {
		if !strings.Contains(strings.Join(host.Log, "\n"), want) {
			t.Errorf("got log %q, want %q in it", host.Log, want)
		}
	}
}

func TestARollbackFindsEverythingDoneTheSecondTime(t *testing.T) {
	e := halfUpgraded(t)
	if err := goBack(t, &dsltest.Host{Site: e, Tick: e.tick}); err != nil {
		t.Fatal(diag.Text(err))
	}
	e.management.Writes = nil
	if err := goBack(t, &dsltest.Host{Site: e, Tick: e.tick}); err != nil || len(e.management.Writes) > 0 {
		t.Errorf("got %v and writes %q, want none", err, e.management.Writes)
	}
}

func TestTheWorkersFollowTheirControlPlaneBack(t *testing.T) {
	e := newEstate()
	if err := upgrade(t, &dsltest.Host{Site: e, Tick: e.tick}, "4.3.0"); err != nil {
		t.Fatal(diag.Text(err))
	}
	e.management.Writes = nil
	host := &dsltest.Host{Site: e, Tick: e.tick}
	if err := goBack(t, host); err != nil {
		t.Fatal(diag.Text(err))
	}
	writes := []string{"patch KubeadmControlPlane cpaas-system/prod-a-kcp", "patch MachineDeployment cpaas-system/prod-a-md-0",
		"patch MachineDeployment cpaas-system/prod-a-md-1", "patch Cluster cpaas-system/prod-a"}
	if diff := cmp.Diff(e.management.Writes, writes); diff != "" {
		t.Errorf("(-got +want):\n%s", diff)
	}
	if log := strings.Join(host.Log, "\n"); !strings.Contains(log, "newer than their control plane") {
		t.Errorf("got %s, want the remark on workers that are newer", log)
	}
}

// sick lets control-plane machines say that their etcd is down.
func sick(e *estate, names ...string) {
	for _, name := range names {
		set(e.management.Find("Machine", name), "status/v1beta2/conditions", []any{
			map[string]any{"type": "NodeHealthy", "status": "True"},
			map[string]any{"type": "EtcdMemberHealthy", "status": "False", "message": "etcdserver: no leader"}})
	}
}

func controlPlaneNames(e *estate) []string {
	var names []string
	for _, o := range e.management.Objects {
		labels, _ := o["metadata"].(map[string]any)["labels"].(map[string]any)
		if _, is := labels["cluster.x-k8s.io/control-plane"]; is && o["kind"] == "Machine" {
			names = append(names, o["metadata"].(map[string]any)["name"].(string))
		}
	}
	return names
}

func TestARollbackThatLeadsNowhereIsRefused(t *testing.T) {
	for _, tt := range []struct {
		name, code, fix string
		spoil           func(*estate)
		params          []string
	}{
		{"etcd without a majority", "etcd-quorum-lost", "restore etcd's quorum first",
			func(e *estate) { sick(e, controlPlaneNames(e)[:2]...) }, nil},
		{"an old template that is gone", "old-template-missing",
			"recreate VSphereMachineTemplate cpaas-system/prod-a-control-plane from version control",
			func(e *estate) {
				for k, o := range e.management.Objects { // and nothing that resembles it
					name, _ := o["metadata"].(map[string]any)["name"].(string)
					if name == "prod-a-control-plane" {
						delete(e.management.Objects, k)
					} else if o["kind"] == "VSphereMachineTemplate" && !strings.HasSuffix(name, newKubernetes) {
						set(o, "spec/template/spec/numCPUs", int64(2))
					}
				}
			}, nil},
		{"several that could be the old one", "old-template-ambiguous", "keep the one that KubeadmControlPlane prod-a-kcp had",
			func(e *estate) {
				for k, o := range e.management.Objects {
					if o["metadata"].(map[string]any)["name"] == "prod-a-control-plane" {
						delete(e.management.Objects, k)
					}
				}
			}, nil},
		{"an old VM template that is gone", "vsphere-template-missing", "upload it under exactly that name",
			func(e *estate) { e.Vms = e.Vms[1:] }, nil},
		{"an old chart that is gone", "kube-ovn-chart-missing", "synchronise",
			func(e *estate) { e.Tags["acp/chart-cpaas-kube-ovn"] = []string{"v4.3.3"} }, nil},
		{"an etcd of a minor that the old one cannot read", "etcd-format-one-way", "repair the upgrade forward",
			func(e *estate) {
				set(e.management.Find("KubeadmControlPlane", "prod-a-kcp"),
					"spec/kubeadmConfigSpec/clusterConfiguration/etcd/local/imageTag", "v3.6.13-acp.0")
			}, nil},
		{"a machine that has joined, by the later revision", "target-version-joined", "repair the upgrade forward",
			func(*estate) {}, []string{"after_join=refuse"}},
		{"a row above", "not-a-rollback", "name the row", func(*estate) {}, []string{"previous=4.4.0"}},
		{"a row two minors below", "not-a-rollback", "name the row", func(*estate) {}, []string{"previous=4.1.6"}},
		{"a paused cluster", "cluster-paused", "set spec.paused to false",
			func(e *estate) { set(e.management.Find("Cluster", "prod-a"), "spec/paused", true) }, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			e := halfUpgraded(t)
			tt.spoil(e)
			err := goBack(t, &dsltest.Host{Site: e, Tick: e.tick}, tt.params...)
			var refusal *dsl.Refusal
			if !errors.As(err, &refusal) || refusal.Code != tt.code || !strings.Contains(refusal.Fix, tt.fix) {
				t.Errorf("got %v (%+v), want %s, fix %s", err, refusal, tt.code, tt.fix)
			}
			if len(e.management.Writes) > 0 {
				t.Errorf("got writes %q, want none", e.management.Writes)
			}
		})
	}
}

// One member that is down leaves a majority of three; a machine that never joined has no member.
func TestAMajorityIsEnough(t *testing.T) {
	e := halfUpgraded(t)
	sick(e, controlPlaneNames(e)[0])
	e.machine("", newKubernetes)
	name := controlPlaneNames(e)
	for _, n := range name {
		m := e.management.Find("Machine", n)
		if m["metadata"].(map[string]any)["name"] == "m-12" {
			delete(m["status"].(map[string]any), "nodeRef")
		}
	}
	if err := goBack(t, &dsltest.Host{Site: e, Tick: e.tick, Polls: 1}); err == nil || strings.Contains(err.Error(), "quorum") {
		t.Errorf("got %v, want it to get as far as the rollout", err)
	}
	want := []string{"patch KubeadmControlPlane cpaas-system/prod-a-kcp", "patch Machine cpaas-system/m-12"}
	if diff := cmp.Diff(e.management.Writes, want); diff != "" {
		t.Errorf("the machine that never joined goes first (-got +want):\n%s", diff)
	}
	annotations, _ := e.management.Find("Machine", "m-12")["metadata"].(map[string]any)["annotations"].(map[string]any)
	if _, marked := annotations["cluster.x-k8s.io/delete-machine"]; !marked {
		t.Errorf("got annotations %v of m-12, want it marked", annotations)
	}
}

func TestTheUndosAskForQuorumAndTemplatesToo(t *testing.T) {
	for code, spoil := range map[string]func(*estate){
		"etcd-quorum-lost": func(e *estate) { sick(e, controlPlaneNames(e)[:2]...) },
		"old-template-missing": func(e *estate) {
			for k, o := range e.management.Objects {
				if o["metadata"].(map[string]any)["name"] == "prod-a-control-plane" {
					delete(e.management.Objects, k)
				}
			}
		},
	} {
		e := newEstate()
		host := &dsltest.Host{Site: e, Tick: e.tick}
		if err := upgrade(t, host, "4.3.0"); err != nil {
			t.Fatal(diag.Text(err))
		}
		spoil(e)
		e.management.Writes = nil
		first := dsl.Undoing(host.Steps)[0]
		err := first.Undo.Run(t.Context(), e)
		var refusal *dsl.Refusal
		if !errors.As(err, &refusal) || refusal.Code != code || len(e.management.Writes) > 0 || first.ID != "control-plane" {
			t.Errorf("undo of %s: got %v and writes %q, want %s and none", first.ID, err, e.management.Writes, code)
		}
	}
}

// The webhook lets no CoreDNS go back unless the control plane is told to leave it alone; the next upgrade takes that away.
func TestARollbackTellsTheControlPlaneToLeaveCoreDNSAlone(t *testing.T) {
	const skip = "controlplane.cluster.x-k8s.io/skip-coredns"
	e := halfUpgraded(t)
	annotation := func() any {
		all, _ := e.management.Find("KubeadmControlPlane", "prod-a-kcp")["metadata"].(map[string]any)["annotations"].(map[string]any)
		return all[skip]
	}
	if err := goBack(t, &dsltest.Host{Site: e, Tick: e.tick}); err != nil {
		t.Fatal(diag.Text(err))
	}
	if annotation() != "set-by-a-rollback" {
		t.Errorf("got annotation %v after the rollback", annotation())
	}
	if err := upgrade(t, &dsltest.Host{Site: e, Tick: e.tick}, "4.3.0"); err != nil {
		t.Fatal(diag.Text(err))
	}
	if annotation() != nil {
		t.Errorf("got annotation %v after the next upgrade, want none", annotation())
	}
}
