package main

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rehearse-dev/rehearse/runner"
)

// mutant is the shipped runbook with one mistake in it, of those that people make, and a scenario of the shipped suite
// that finds it.
type mutant struct {
	name     string
	file     string // of scenarios/vsphere
	from, to string // from stands in the file once
	scenario string
}

// mutants is the table of them, in the order of the runbook.
var mutants = []mutant{
	{"does not ask for the platform's version", "preflight.star",
		"        distribution.version >= row.acp,\n", "        True,\n", "platform behind"},
	{"skips a Kubernetes minor", "preflight.star",
		"cp.version.major == row.kubernetes.major and row.kubernetes.minor <= cp.version.minor + 1,", "True,", "a row that skips a minor"},
	{"goes back", "preflight.star",
		"        row.kubernetes >= cp.version,\n", "        True,\n", "a row that goes back"},
	{"does not look for the VM template", "preflight.star",
		"for datacenter, found in vsphere.vm_templates(site, cluster, row.vm_template).items():", "for datacenter, found in {}.items():", "VM template not uploaded"},
	{"does not look at the Kube-OVN gate", "preflight.star",
		"        cluster.annotations.get(kubeovn.GATE) == \"kube-ovn\",\n", "        True,\n", "Kube-OVN gate missing"},
	{"does not look for the chart", "preflight.star",
		"        site.registry.has(chart, row.kube_ovn),\n", "        True,\n", "chart not synchronised"},
	{"does not ask whether the cluster is well", "preflight.star",
		"    require_healthy(site, cluster, going_on = edited)\n", "", "etcd member down"},
	{"starts on a paused cluster", "preflight.star",
		"        not cluster.paused,\n", "        True,\n", "cluster paused"},
	{"replaces machines that are replaced on delete only", "preflight.star",
		"    require_strategy(cluster)\n", "", "machines that are replaced on delete only"},
	{"asks nobody", "upgrade.star",
		"    if question:\n", "    if question and False:\n", "the operator says no"},
	{"edits the control plane twice", "upgrade.star",
		"    return capi.set_control_plane(site, now, row.kubernetes, row.coredns, row.etcd, template)\n",
		"    capi.set_control_plane(site, now, row.kubernetes, row.coredns, row.etcd, now.control_plane.template)\n" +
			"    return capi.set_control_plane(site, now, row.kubernetes, row.coredns, row.etcd, template)\n", "one machine of each kind"},
	{"forgets the tag of CoreDNS", "upgrade.star",
		"    return capi.set_control_plane(site, now, row.kubernetes, row.coredns, row.etcd, template)\n",
		"    return capi.set_control_plane(site, now, row.kubernetes, now.control_plane.coredns, row.etcd, template)\n", "one machine of each kind"},
	{"forgets the tag of etcd", "upgrade.star",
		"    return capi.set_control_plane(site, now, row.kubernetes, row.coredns, row.etcd, template)\n",
		"    return capi.set_control_plane(site, now, row.kubernetes, row.coredns, now.control_plane.etcd, template)\n", "one machine of each kind"},
	{"edits the workers first", "upgrade.star",
		"    return capi.set_control_plane(site, now, row.kubernetes, row.coredns, row.etcd, template)\n",
		"    for md in now.machine_deployments:\n        capi.set_machine_deployment(site, now, md.name, row.kubernetes, md.template)\n" +
			"    return capi.set_control_plane(site, now, row.kubernetes, row.coredns, row.etcd, template)\n", "one machine of each kind"},
	{"does not wait for Kube-OVN", "upgrade.star",
		"    problem = kubeovn.problem(site, s.cluster, s.row.kube_ovn)\n", "    problem = None\n", "chart cannot be downloaded"},
	{"takes the installed revision for success", "upgrade.star",
		"    problem = kubeovn.problem(site, s.cluster, s.row.kube_ovn)\n",
		"    problem = kubeovn.problem(site, s.cluster, s.row.kube_ovn)\n    if problem and \"%s installed\" % s.row.kube_ovn in problem.text:\n        problem = None\n",
		"pods of the chart are never ready"},
	{"does not wait for the control plane", "upgrade.star",
		"        capi.control_plane_rolled_out,\n", "        lambda site, cluster, target: done(),\n", "one machine of each kind"},
	{"does not ask again before the workers", "upgrade.star",
		"    if any([workers_change(md, row, template) for md in now.machine_deployments if md.name == name]):\n        require_healthy(site, now)\n", "",
		"an etcd member ends before the workers"},
	{"deletes the old template at once", "upgrade.star",
		"    return capi.set_machine_deployment(site, now, name, row.kubernetes, template)\n",
		"    site.management.delete(vsphere.TEMPLATE, now.control_plane.template.rsplit(\"-v\", 1)[0], namespace = now.namespace)\n" +
			"    return capi.set_machine_deployment(site, now, name, row.kubernetes, template)\n", "one machine of each kind"},
	{"verifies nothing", "upgrade.star",
		"    if left:\n        return pending(\"; \".join(left), code = \"not-verified\")\n", "", "cloud provider absent at the end"},
}

// TestTheSuiteFindsMistakesInTheRunbook runs one scenario for each mutant, and wants it to be a Fail: an Error would say
// nothing about the runbook.
func TestTheSuiteFindsMistakesInTheRunbook(t *testing.T) {
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(scenarios)); err != nil {
				t.Fatal(err)
			}
			m.edit(t, dir)
			c := exec.Command("rehearse", "test", "upgrade_test.star", "--run", "^"+m.scenario+"$", "--dir", "results", "--quiet")
			c.Dir = dir
			out, err := c.CombinedOutput()
			if status := (*exec.ExitError)(nil); !errors.As(err, &status) || status.ExitCode() != runner.ExitFail {
				t.Errorf("got %v, want exit status %d of the scenario %q:\n%s", err, runner.ExitFail, m.scenario, out)
			}
		})
	}
}

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
