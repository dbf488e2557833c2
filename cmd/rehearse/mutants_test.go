package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rehearse-dev/rehearse/cmd/internal/suite"
	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/runner/report"
)

// mutant is the shipped runbook with one mistake in it, of those that people make, and a scenario of the shipped suite
// that finds it.
type mutant struct {
	name     string
	file     string // of scenarios/vsphere
	from, to string // from stands in the file once
	scenario string
	because  string // in what the scenario says against it: a mutant that breaks the script is found by anything
}

// mutants is the table of them, in the order of the runbook.
var mutants = []mutant{
	{"does not ask for the platform's version", "preflight.star",
		"        distribution.version >= row.acp,\n", "        True,\n", "platform behind",
		"a run that completed, want it blocked at preflight with code platform-behind"},
	{"skips a Kubernetes minor", "preflight.star",
		"cp.version.major == row.kubernetes.major and row.kubernetes.minor <= cp.version.minor + 1,", "True,", "a row that skips a minor",
		"code workers-not-aligned"},
	{"goes back", "preflight.star",
		"        row.kubernetes >= cp.version,\n", "        True,\n", "a row that goes back", "code vsphere-template-missing"},
	{"takes CoreDNS back", "preflight.star",
		"        coredns_may_move(cp, row),\n", "        True,\n", "a row whose CoreDNS is older", "cannot migrate CoreDNS"},
	{"does not look for the VM template", "preflight.star",
		"for datacenter, found in vsphere.vm_templates(site, cluster, row.vm_template).items():", "for datacenter, found in {}.items():", "VM template not uploaded",
		"stuck at control-plane-rolled with code timeout"},
	{"does not look at the Kube-OVN gate", "preflight.star",
		"        cluster.annotations.get(kubeovn.GATE) == \"kube-ovn\",\n", "        True,\n", "Kube-OVN gate missing",
		"failed at kube-ovn with code kube-ovn-ungated"},
	{"does not look for the chart", "preflight.star",
		"        site.registry.has(chart, row.kube_ovn),\n", "        True,\n", "chart not synchronised",
		"stuck at kube-ovn-delivered with code apprelease-download-failed"},
	{"does not ask whether the cluster is well", "preflight.star",
		"    require_healthy(site, cluster, going_on = edited)\n", "", "etcd member down",
		"failed at control-plane with code control-plane-unhealthy"},
	{"starts on a paused cluster", "preflight.star",
		"        not cluster.paused,\n", "        True,\n", "cluster paused",
		"stuck at kube-ovn-delivered with code apprelease-not-reconciled"},
	{"replaces machines that are replaced on delete only", "preflight.star",
		"    require_strategy(cluster)\n", "", "machines that are replaced on delete only",
		"0 of 1 machines updated), want it blocked at preflight"},
	{"does not count the free slots", "preflight.star",
		"            pool.free >= owner.surge,\n", "            True,\n", "a pool without a slot to spare",
		"stuck at workers-prod-b-md-0-rolled with code timeout"},
	{"asks nobody", "upgrade.star",
		"    if question:\n", "    if question and False:\n", "the operator says no", "a run that completed, want it to fail at start"},
	{"edits the control plane twice", "upgrade.star",
		"    return capi.set_control_plane(site, now, row.kubernetes, row.coredns, row.etcd, template)\n",
		"    capi.set_control_plane(site, now, row.kubernetes, row.coredns, row.etcd, now.control_plane.template)\n" +
			"    return capi.set_control_plane(site, now, row.kubernetes, row.coredns, row.etcd, template)\n", "one machine of each kind",
		"got 6 writes, want 5"},
	{"forgets the tag of CoreDNS", "upgrade.star",
		"    return capi.set_control_plane(site, now, row.kubernetes, row.coredns, row.etcd, template)\n",
		"    return capi.set_control_plane(site, now, row.kubernetes, now.control_plane.coredns, row.etcd, template)\n", "one machine of each kind",
		"stuck at verified with code not-verified (waited 30m: Deployment coredns"},
	{"forgets the tag of etcd", "upgrade.star",
		"    return capi.set_control_plane(site, now, row.kubernetes, row.coredns, row.etcd, template)\n",
		"    return capi.set_control_plane(site, now, row.kubernetes, row.coredns, now.control_plane.etcd, template)\n", "one machine of each kind",
		"stuck at verified with code not-verified (waited 30m: Pod etcd-"},
	{"edits the workers first", "upgrade.star",
		"    return capi.set_control_plane(site, now, row.kubernetes, row.coredns, row.etcd, template)\n",
		"    for md in now.machine_deployments:\n        capi.set_machine_deployment(site, now, md.name, row.kubernetes, md.template)\n" +
			"    return capi.set_control_plane(site, now, row.kubernetes, row.coredns, row.etcd, template)\n", "one machine of each kind",
		"code rollout-in-progress (a rollout is under way: MachineDeployment prod-a-md-0"},
	{"does not wait for Kube-OVN", "upgrade.star",
		"    problem = kubeovn.problem(site, s.cluster, s.row.kube_ovn)\n", "    problem = None\n", "chart cannot be downloaded",
		"cni-kube-ovn: DownloadFailed, needs a person"},
	{"takes the installed revision for success", "upgrade.star",
		"    problem = kubeovn.problem(site, s.cluster, s.row.kube_ovn)\n",
		"    problem = kubeovn.problem(site, s.cluster, s.row.kube_ovn)\n    if problem and \"%s installed\" % s.row.kube_ovn in problem.text:\n        problem = None\n",
		"pods of the chart are never ready",
		"stuck at verified with code not-verified (stuck: no change for 25m: cni-kube-ovn: HealthChecking"},
	{"does not wait for the control plane", "upgrade.star",
		"        capi.control_plane_rolled_out,\n", "        lambda site, cluster, target: done(),\n", "one machine of each kind",
		"code rollout-in-progress (a rollout is under way: KubeadmControlPlane prod-a-kcp"},
	{"does not ask again before the workers", "upgrade.star",
		"    if any([workers_change(md, row, template) for md in now.machine_deployments if md.name == name]):\n        require_healthy(site, now)\n", "",
		"an etcd member ends before the workers", "stuck at verified with code not-verified"},
	{"deletes the old template at once", "upgrade.star",
		"    return capi.set_machine_deployment(site, now, name, row.kubernetes, template)\n",
		"    site.management.delete(vsphere.TEMPLATE, now.control_plane.template.rsplit(\"-v\", 1)[0], namespace = now.namespace)\n" +
			"    return capi.set_machine_deployment(site, now, name, row.kubernetes, template)\n", "one machine of each kind",
		"old-template-kept violated"},
	{"verifies nothing", "upgrade.star",
		"    if left:\n        return pending(\"; \".join(left), code = \"not-verified\")\n", "", "cloud provider absent at the end",
		"a run that completed, want it stuck at verified"},
	{"does not take the control plane back", "upgrade.star",
		"        undo = capi.restore_control_plane(cluster),\n", "        undo = \"keep\",\n", "template vanishes",
		"undo/control-plane never happened"},
	{"takes back another annotation than that of Kube-OVN", "upgrade.star",
		"capi.restore_annotation(cluster, kubeovn.VERSION)", "capi.restore_annotation(cluster, kubeovn.GATE)", "template vanishes",
		"undone/kube-ovn never happened"},
}

// TestTheSuiteFindsMistakesInTheRunbook runs one scenario for each mutant, and wants it to be a Fail, for the reason that is
// meant: an Error would say nothing about the runbook, and a broken script fails everywhere. The mutants share their warm
// worlds, as the scenarios of one suite do.
func TestTheSuiteFindsMistakesInTheRunbook(t *testing.T) {
	var items []*suite.Item
	for _, m := range mutants {
		dir := t.TempDir()
		if err := os.CopyFS(dir, os.DirFS(scenarios)); err != nil {
			t.Fatal(err)
		}
		m.edit(t, dir)
		i := m.item(t, filepath.Join(dir, "upgrade_test.star"))
		i.Index = len(items) // which names its folder: many mutants are found by the same scenario
		items = append(items, i)
	}
	program, err := exec.LookPath("rehearse")
	if err != nil {
		t.Fatal(err)
	}
	warm := t.TempDir()
	r := suite.Runner{Jobs: 3, Repeat: 1, Dir: t.TempDir(), Watch: quiet{}, Limits: suite.Limits{Whole: 10 * time.Minute, Silence: silence},
		Command: func(i *suite.Item, dir string) []string {
			return []string{program, "scenario", i.File, i.Scenario.Name, "--dir", dir, "--warm", warm}
		},
		RepeatCommand: func(i *suite.Item) []string { return (&testFlags{seed: i.Seed}).repeatOne(i.File, i.Scenario.Name) },
	}
	for i, c := range r.Run(t.Context(), items) {
		m, problems := mutants[i], strings.Join(c.Problems, "; ")
		if c.Verdict != journal.Fail || !strings.Contains(problems, m.because) {
			t.Errorf("%s: the scenario %q got %s: %s, want %s: %s", m.name, c.Name, c.Verdict, problems, journal.Fail, m.because)
		}
	}
}

// item is the scenario that finds the mutant, as the mutant's copy of the suite has it.
func (m mutant) item(t *testing.T, file string) *suite.Item {
	t.Helper()
	_, items, err := suite.Load([]string{file}, 1)
	if err != nil {
		t.Fatalf("%s: %v", m.name, err)
	}
	i := slices.IndexFunc(items, func(i *suite.Item) bool { return i.Scenario.Name == m.scenario })
	if i < 0 {
		t.Fatalf("%s: got no scenario %q", m.name, m.scenario)
	}
	return items[i]
}

// quiet watches nothing.
type quiet struct{}

func (quiet) Begins(*suite.Item, int)                {}
func (quiet) Does(*suite.Item, string, *journal.Run) {}
func (quiet) Ended(*report.Case)                     {}

// edit makes the mistake.
func (m mutant) edit(t *testing.T, dir string) {
	t.Helper()
	file := filepath.Join(dir, m.file)
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(b), m.from); n != 1 {
		t.Fatalf("%s: got %d times, want once:\n%s", m.file, n, m.from)
	}
	if err := os.WriteFile(file, []byte(strings.Replace(string(b), m.from, m.to, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
}
