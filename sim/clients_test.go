package sim_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rehearse-dev/rehearse/sim"
	"github.com/rehearse-dev/rehearse/sim/assets"
	"github.com/rehearse-dev/rehearse/sim/clock"
	"github.com/rehearse-dev/rehearse/sim/kube"
)

// tool runs a real client and returns what it said on both streams.
type tool struct {
	t    testing.TB
	path string
	env  []string
}

func newTool(t testing.TB, name string, env ...string) tool {
	t.Helper()
	b, err := assets.Lookup{Getenv: os.Getenv}.Locate(context.Background(), name)
	if err != nil {
		t.Fatal(err)
	}
	return tool{t, b.Path, append(os.Environ(), env...)}
}

func (k tool) try(stdin string, args ...string) (string, error) {
	c := exec.Command(k.path, args...)
	c.Env, c.Stdin = k.env, strings.NewReader(stdin)
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	err := c.Run()
	return out.String(), err
}

func (k tool) run(stdin string, args ...string) string {
	k.t.Helper()
	out, err := k.try(stdin, args...)
	if err != nil {
		k.t.Fatalf("%s %s: %v\n%s", filepath.Base(k.path), strings.Join(args, " "), err, out)
	}
	return out
}

// refused wants the command to fail with the text.
func (k tool) refused(want string, args ...string) {
	k.t.Helper()
	if out, err := k.try("", args...); err == nil || !strings.Contains(out, want) {
		k.t.Errorf("%s: got %v and\n%s\nwant a refusal with %q", strings.Join(args, " "), err, out, want)
	}
}

func (k tool) says(want string, args ...string) {
	k.t.Helper()
	if out := k.run("", args...); !strings.Contains(out, want) {
		k.t.Errorf("%s: got\n%s\nwant %q in it", strings.Join(args, " "), out, want)
	}
}

// The full names of resources, as 000_d64b8bff74bf7917.txt writes their field paths.
const (
	kcpV1beta1      = "kubeadmcontrolplanes.v1beta1.controlplane.cluster.x-k8s.io"
	templateV1beta1 = "vspheremachinetemplates.v1beta1.infrastructure.cluster.x-k8s.io"
)

const singleEdit = `{"spec":{"version":"v1.34.5","kubeadmConfigSpec":{"clusterConfiguration":{"dns":{"imageTag":"1.14.2-v4.3.4"},` +
	`"etcd":{"local":{"imageTag":"v3.5.28-260325"}}}},"machineTemplate":{"infrastructureRef":{"name":"prod-a-control-plane-v2"}}}}`

// TestKubectlAndGovcUpgradeByHand follows the procedure of 000_d64b8bff74bf7917.txt with the tools that people use.
func TestKubectlAndGovcUpgradeByHand(t *testing.T) {
	twin := start(t, world(t, 1, 1), sim.Options{Pace: clock.Hold})
	dir := t.TempDir()
	write := func(name string) string {
		cfg := twin.Management()
		if name != "global" {
			var err error
			if cfg, err = twin.Workload(context.Background(), name); err != nil {
				t.Fatal(err)
			}
		}
		path := filepath.Join(dir, name)
		if err := kube.WriteKubeconfig(path, name, kube.Namespace, cfg); err != nil {
			t.Fatal(err)
		}
		return "KUBECONFIG=" + path
	}
	home := "HOME=" + dir // kubectl's cache
	global, workload := newTool(t, "kubectl", write("global"), home), newTool(t, "kubectl", write("prod-a"), home)

	t.Run("what the webhooks refuse", func(t *testing.T) {
		k := global
		k.t = t
		k.refused("VSphereMachineTemplate spec.template.spec field is immutable. Please create a new resource instead.",
			"patch", templateV1beta1, "prod-a-control-plane", "--type=merge", "-p", `{"spec":{"template":{"spec":{"numCPUs":16}}}}`)
		k.refused("cannot update Kubernetes version from v1.33.7-3 to v1.35.0",
			"patch", kcpV1beta1, "prod-a-kcp", "--type=merge", "-p", `{"spec":{"version":"v1.35.0"}}`)
		k.refused("cannot migrate CoreDNS up to",
			"patch", kcpV1beta1, "prod-a-kcp", "--type=merge", "-p", `{"spec":{"kubeadmConfigSpec":{"clusterConfiguration":{"dns":{"imageTag":"1.11.3-v4.1.0"}}}}}`)
	})

	t.Run("the documents' field paths without a version", func(t *testing.T) {
		k := global
		k.t = t
		k.says("apiVersion: controlplane.cluster.x-k8s.io/v1beta1", "get", "kubeadmcontrolplane", "prod-a-kcp", "-o", "yaml")
		k.says("patched", "patch", "kubeadmcontrolplane", "prod-a-kcp", "--dry-run=server", "--type=merge", "-p", `{"spec":{"machineTemplate":{"infrastructureRef":{"name":"prod-a-md-0"}}}}`)
		editor := filepath.Join(dir, "editor.sh")
		script := "#!/bin/sh\ngrep -q 'infrastructureRef:' $1 && sed -i 's/nodeDrainTimeout: 10m0s/nodeDrainTimeout: 11m0s/' $1\n"
		if err := os.WriteFile(editor, []byte(script), 0o700); err != nil {
			t.Fatal(err)
		}
		k.env = append(k.env, "KUBE_EDITOR="+editor)
		k.says("edited", "edit", "kubeadmcontrolplane", "prod-a-kcp")
		k.says("11m0s", "get", "kubeadmcontrolplane", "prod-a-kcp", "-o", "jsonpath={.spec.machineTemplate.nodeDrainTimeout}")
	})

	t.Run("the site's addresses lead to the twin, and others nowhere", func(t *testing.T) {
		k := global
		k.t = t
		template := func(server string) string {
			return fmt.Sprintf(`{"apiVersion":"infrastructure.cluster.x-k8s.io/v1beta1","kind":"VSphereMachineTemplate","metadata":{"name":"by-hand","namespace":"cpaas-system"},
				"spec":{"template":{"spec":{"server":%q,"thumbprint":"AA:BB","datacenter":"DC0","template":"x","network":{"devices":[{"networkName":"n"}]}}}}}`, server)
		}
		k.run(template("vcenter.prod.example"), "apply", "-f", "-")
		k.says("="+twin.VCenter().Host+"=", "get", templateV1beta1, "by-hand", "-o", "jsonpath={.spec.template.spec.thumbprint}={.spec.template.spec.server}=")
		k.run(template("vcenter.prod.example"), "apply", "-f", "-") // again: the template is immutable, and did not change
		elsewhere := filepath.Join(dir, "elsewhere.json")
		if err := os.WriteFile(elsewhere, []byte(strings.ReplaceAll(template("vcenter.other.example"), "by-hand", "elsewhere")), 0o600); err != nil {
			t.Fatal(err)
		}
		k.refused(`got vCenter "vcenter.other.example", want one that the world's manifests name: vcenter.prod.example`, "apply", "-f", elsewhere)
		k.refused("of a cluster that is not in the world", "create", "-f", filepath.Join("testdata", "cluster-elsewhere.yaml"))
		k.run("", "delete", templateV1beta1, "by-hand")
	})

	for _, name := range []string{"prod-a-control-plane", "prod-a-md-0"} {
		text := global.run("", "get", templateV1beta1, name, "-o", "jsonpath={.spec}")
		text = strings.ReplaceAll(text, oldTemplate, newTemplate)
		global.run(fmt.Sprintf(`{"apiVersion":"infrastructure.cluster.x-k8s.io/v1beta1","kind":"VSphereMachineTemplate","metadata":{"name":%q,"namespace":"cpaas-system"},"spec":%s}`, name+"-v2", text),
			"apply", "-f", "-")
	}
	twin.Clock().SetPace(clock.Free)
	bump := `{"spec":{"template":{"spec":{"version":"v1.34.5","infrastructureRef":{"name":"prod-a-md-0-v2"}}}}}`

	t.Run("workers before the control plane are held back", func(t *testing.T) {
		k := global
		k.t = t
		k.run("", "patch", "machinedeployment", "prod-a-md-0", "--type=merge", "-p", bump)
		await(t, twin, "the MachineSet's preflight", func() error {
			out, err := k.try("", "get", "machinesets", "-o", "jsonpath={.items[*].status.conditions[*].message}")
			if err != nil || !strings.Contains(out, "preflight check failed") {
				return fmt.Errorf("%v: %s", err, out)
			}
			return nil
		})
		for _, m := range list(t, management(t, twin), "cluster.x-k8s.io/v1beta2", "Machine") {
			if spec := m.Object["spec"].(map[string]any); spec["version"] == "v1.34.5" {
				t.Errorf("machine %s: got a new worker, want none before the control plane", m.GetName())
			}
		}
	})

	global.run("", "patch", kcpV1beta1, "prod-a-kcp", "--type=merge", "-p", singleEdit)
	global.run("", "annotate", "cluster", "prod-a", "cpaas.io/kube-ovn-version=v4.3.3", "--overwrite")
	await(t, twin, "the upgrade", func() error {
		for _, r := range []string{kcpV1beta1 + "/prod-a-kcp", "machinedeployment/prod-a-md-0"} {
			out, err := global.try("", "get", r, "-o", "jsonpath={.status.replicas}/{.status.updatedReplicas}/{.status.readyReplicas}/{.metadata.generation}={.status.observedGeneration}")
			gens := strings.Split(out[strings.LastIndex(out, "/")+1:], "=")
			if err != nil || !strings.HasPrefix(out, "1/1/1/") || len(gens) != 2 || gens[0] != gens[1] {
				return fmt.Errorf("%s: %v %s", r, err, out)
			}
		}
		out, err := workload.try("", "get", "nodes", "-o", "jsonpath={.items[*].status.nodeInfo.kubeletVersion}")
		if err != nil || out != "v1.34.5 v1.34.5" {
			return fmt.Errorf("nodes: %v %s", err, out)
		}
		out, err = workload.try("", "get", "apprelease", "cni-kube-ovn", "-o", "jsonpath={.status.charts.*.phase} {.status.charts.*.installedRevision}")
		if err != nil || out != "Success v4.3.3" {
			return fmt.Errorf("AppRelease: %v %s", err, out)
		}
		return nil
	})
	workload.says("vsphere://", "get", "nodes", "-o", "jsonpath={.items[*].spec.providerID}")
	workload.says("1.14.2-v4.3.4", "get", "deployment", "coredns", "-n", "kube-system", "-o", "jsonpath={.spec.template.spec.containers[0].image}")

	u := twin.VCenter()
	password, _ := u.User.Password()
	govc := newTool(t, "govc", home, "GOVC_URL="+u.Scheme+"://"+u.Host+u.Path, "GOVC_USERNAME="+u.User.Username(), "GOVC_PASSWORD="+password, "GOVC_INSECURE=1")
	govc.says("prod-a-kcp-", "find", "/", "-type", "m")
	govc.says(newTemplate, "find", "/", "-type", "m", "-config.template", "true")
	govc.env = append(govc.env, "GOVC_PASSWORD=wrong", "GOVC_PERSIST_SESSION=false")
	govc.refused("Login failure", "ls", "/")
	if s := twin.Clock().Stats(); s.Late != 0 {
		t.Errorf("late: got %d events, want 0", s.Late)
	}
}
