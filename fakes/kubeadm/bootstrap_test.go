package kubeadm_test

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"

	"github.com/rehearse-dev/rehearse/fakes/kubeadm"
)

// cloudConfig is bootstrap data with one file, as Cluster API's bootstrap provider lays it out.
func cloudConfig(path, encoding, content string) string {
	s := "## template: jinja\n#cloud-config\n\nwrite_files:\n-   path: " + path +
		"\n    owner: root:root\n    permissions: '0640'\n"
	if encoding != "" {
		s += "    encoding: \"" + encoding + "\"\n"
	}
	s += "    content: |\n"
	for line := range strings.Lines(content) {
		s += "      " + line
	}
	return s +
		"\nruncmd:\n  - 'kubeadm init --config /run/kubeadm/kubeadm.yaml  && echo success > /run/cluster-api/done'\n"
}

const (
	initFile = "/run/kubeadm/kubeadm.yaml"
	joinFile = "/run/kubeadm/kubeadm-join-config.yaml"
)

const initV1beta4 = `---
apiVersion: kubeadm.k8s.io/v1beta4
kind: ClusterConfiguration
controlPlaneEndpoint: 10.0.0.10:6443
kubernetesVersion: v1.34.5
imageRepository: registry.example.org/k8s
dns: {imageTag: v1.12.4}
etcd: {local: {imageTag: v3.5.27, dataDir: /var/lib/etcd}}
networking: {serviceSubnet: 10.4.0.0/16, podSubnet: 10.3.0.0/16}
---
apiVersion: kubeadm.k8s.io/v1beta4
kind: InitConfiguration
skipPhases: [addon/kube-proxy]
nodeRegistration:
  name: '{{ local_hostname }}'
  kubeletExtraArgs:
  - {name: cloud-provider, value: external}
  - {name: node-labels, value: "a=1,b="}
`

const joinV1beta3 = `apiVersion: kubeadm.k8s.io/v1beta3
kind: JoinConfiguration
discovery: {bootstrapToken: {apiServerEndpoint: "10.0.0.10:6443", token: abcdef.0123456789abcdef}}
nodeRegistration:
  name: "{{ ds.meta_data['local_hostname'] }}{{ds.meta_data.local_hostname}}"
  kubeletExtraArgs: {cloud-provider: external}
  taints:
  - {key: node.cluster.x-k8s.io/uninitialized, effect: NoSchedule}
`

var (
	cloud = corev1.Taint{Key: "node.cloudprovider.kubernetes.io/uninitialized", Value: "true",
		Effect: corev1.TaintEffectNoSchedule}
	master = corev1.Taint{Key: "node-role.kubernetes.io/control-plane", Effect: corev1.TaintEffectNoSchedule}
)

func TestInitIsReadInAllEncodings(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	fmt.Fprint(z, strings.ReplaceAll(initV1beta4, "{{ local_hostname }}", "cp-1"))
	z.Close()
	plain := base64.StdEncoding.EncodeToString([]byte(strings.ReplaceAll(initV1beta4, "{{ local_hostname }}", "cp-1")))
	for name, data := range map[string]string{
		"plain":       cloudConfig(initFile, "", initV1beta4),
		"base64":      cloudConfig(initFile, "base64", plain[:40]+"\n"+plain[40:]),
		"gzip+base64": cloudConfig(initFile, "gzip+base64", base64.StdEncoding.EncodeToString(zipped.Bytes())),
	} {
		t.Run(name, func(t *testing.T) {
			b, err := kubeadm.Parse([]byte(data), "cp-1")
			if err != nil {
				t.Fatal(err)
			}
			want := kubeadm.Registration{Name: "cp-1", ExternalCloud: true, Taints: []corev1.Taint{master, cloud},
				Labels: map[string]string{"a": "1", "b": "",
					"node-role.kubernetes.io/control-plane":                   "",
					"node.kubernetes.io/exclude-from-external-load-balancers": ""}}
			if diff := cmp.Diff(b.Node, want); diff != "" {
				t.Errorf("node: got - want +\n%s", diff)
			}
			if !b.Init || !b.ControlPlane || b.Endpoint != "10.0.0.10:6443" || b.Cluster.Kubernetes != "v1.34.5" ||
				b.Cluster.EtcdTag != "v3.5.27" || len(b.Cluster.SkipPhases) != 1 {
				t.Errorf("got %+v", b)
			}
		})
	}
}

func TestJoinOfAWorkerIsRead(t *testing.T) {
	b, err := kubeadm.Parse([]byte(cloudConfig(joinFile, "", joinV1beta3)), "MD-1")
	if err != nil {
		t.Fatal(err)
	}
	want := []corev1.Taint{{Key: "node.cluster.x-k8s.io/uninitialized", Effect: corev1.TaintEffectNoSchedule}, cloud}
	if diff := cmp.Diff(b.Node.Taints, want); diff != "" {
		t.Errorf("taints: got - want +\n%s", diff)
	}
	if b.Init || b.ControlPlane || b.Token != "abcdef.0123456789abcdef" || b.Node.Name != "md-1md-1" {
		t.Errorf("got %+v", b)
	}
}

func TestBootstrapDataThatNobodyCanRun(t *testing.T) {
	for name, c := range map[string]struct{ data, want string }{
		"ignition": {`{"ignition":{"version":"3.4.0"}}`, `bootstrap data: got "{\"ignition\"`},
		"no kubeadm": {"#cloud-config\nruncmd: [ls]\n",
			"bootstrap data: got neither /run/kubeadm/kubeadm.yaml nor"},
		"a bad encoding": {cloudConfig(joinFile, "rot13", "x"),
			"encoding: got \"rot13\", want base64, gzip or gzip+base64"},
		"not YAML": {"#cloud-config\n\twrite_files", "bootstrap data: error converting YAML"},
		"no known kind": {cloudConfig(joinFile, "", "kind: Pod\n"),
			"got neither an InitConfiguration nor a JoinConfiguration"},
		"another dialect": {"## template: mako\n#cloud-config\n", `got template "mako", want jinja`},
	} {
		if _, err := kubeadm.Parse([]byte(c.data), "m"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func TestAVariableThatDoesNotExistIsWrittenAsCloudInitDoes(t *testing.T) {
	b, err := kubeadm.Parse([]byte(cloudConfig(joinFile, "", strings.Replace(joinV1beta3,
		"{{ds.meta_data.local_hostname}}", "{{ ds.meta_data.rack }}", 1))), "md-1")
	if err != nil || !strings.Contains(b.Node.Name, "ci_missing_jinja_var/rack") {
		t.Errorf("got %+v, %v", b, err)
	}
}

func TestVersionsThatMayMeet(t *testing.T) {
	for name, c := range map[string]struct {
		cluster, image string
		join, init     bool
	}{
		"the same":              {"v1.34.5", "v1.34.5", true, true},
		"another patch":         {"v1.34.5", "v1.34.1", true, true},
		"an older image":        {"v1.34.5", "v1.33.7", true, true},
		"a newer image":         {"v1.33.7", "v1.34.5", true, false},
		"an image two minor up": {"v1.33.7", "v1.35.0", false, false},
		"a cluster of nonsense": {"latest", "v1.35.0", false, false},
	} {
		k := kubeadm.Cluster{Kubernetes: c.cluster}
		if err := k.MayJoin(c.image); (err == nil) != c.join {
			t.Errorf("%s: join: got %v, want allowed=%v", name, err, c.join)
		}
		if err := k.MayInit(c.image); (err == nil) != c.init {
			t.Errorf("%s: init: got %v, want allowed=%v", name, err, c.init)
		}
	}
}

func TestATokenMustBeThereAndValid(t *testing.T) {
	b := &kubeadm.Bootstrap{Token: "abcdef.0123456789abcdef"}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	secret := func(rest, expires string) *corev1.Secret {
		return &corev1.Secret{Data: map[string][]byte{"token-secret": []byte(rest), "expiration": []byte(expires)}}
	}
	for name, c := range map[string]struct {
		s  *corev1.Secret
		ok bool
	}{
		"no Secret":        {nil, false},
		"valid":            {secret("0123456789abcdef", "2026-01-01T00:15:00Z"), true},
		"without an end":   {secret("0123456789abcdef", ""), true},
		"expired":          {secret("0123456789abcdef", "2025-12-31T23:59:59Z"), false},
		"another's secret": {secret("x", ""), false},
	} {
		if err := b.MayDiscover(c.s, now); (err == nil) != c.ok {
			t.Errorf("%s: got %v, want allowed=%v", name, err, c.ok)
		}
	}
	if got := b.TokenSecret(); got != "bootstrap-token-abcdef" {
		t.Errorf("got %q", got)
	}
}
