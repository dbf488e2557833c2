package kubeadm

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/yaml"
)

// Bootstrap is what a machine's bootstrap data asks kubeadm to do.
type Bootstrap struct {
	Init         bool // kubeadm init; else join
	ControlPlane bool
	Node         Registration
	Endpoint     string  // host:port of the cluster's API, by which a joining machine finds it
	Token        string  // of join only, "id.secret"
	Cluster      Cluster // of init only
}

// Registration is how the node is to register itself.
type Registration struct {
	Name   string
	Labels map[string]string
	Taints []corev1.Taint
	// ExternalCloud: the kubelet waits for a cloud provider to initialise the node.
	ExternalCloud bool
}

// Paths of the configuration files that Cluster API's bootstrap provider writes.
const (
	initFile = "/run/kubeadm/kubeadm.yaml"
	joinFile = "/run/kubeadm/kubeadm-join-config.yaml"
	caFile   = "/etc/kubernetes/pki/ca.crt"
)

// controlPlaneTaint is what kubeadm puts on control-plane nodes unless the configuration says otherwise.
var controlPlaneTaint = corev1.Taint{Key: "node-role.kubernetes.io/control-plane", Effect: corev1.TaintEffectNoSchedule}

// uninitialised is the kubelet's taint for an external cloud provider.
var uninitialised = corev1.Taint{Key: "node.cloudprovider.kubernetes.io/uninitialized", Value: "true",
	Effect: corev1.TaintEffectNoSchedule}

// Parse reads user data for the machine with the given host name. An error is one that the machine dies of without a
// node: cloud-init does not try again.
func Parse(userData []byte, hostname string) (*Bootstrap, error) {
	disk, err := files(userData, map[string]string{"hostname": hostname, "local_hostname": hostname,
		"instance_id": hostname})
	if err != nil {
		return nil, err
	}
	for _, path := range []string{initFile, joinFile} {
		text, ok := disk[path]
		if !ok {
			continue
		}
		b, err := read([]byte(text), hostname)
		if err != nil {
			return nil, fmt.Errorf("bootstrap data: %s: %w", path, err)
		}
		b.Cluster.CA = disk[caFile]
		return b, nil
	}
	return nil, fmt.Errorf("bootstrap data: got neither %s nor %s", initFile, joinFile)
}

// read reads the documents of a kubeadm configuration file.
func read(text []byte, hostname string) (*Bootstrap, error) {
	b := &Bootstrap{}
	found := false
	for _, doc := range bytes.Split(append([]byte("\n"), text...), []byte("\n---")) {
		var o struct {
			Kind             string
			NodeRegistration registration
			ControlPlane     *struct{}
			SkipPhases       []string
			Discovery        struct {
				BootstrapToken struct{ APIServerEndpoint, Token string }
			}
		}
		if err := yaml.Unmarshal(doc, &o); err != nil {
			return nil, err
		}
		switch o.Kind {
		case "ClusterConfiguration":
			c, err := ReadCluster(doc)
			if err != nil {
				return nil, err
			}
			c.SkipPhases = b.Cluster.SkipPhases
			b.Cluster, b.Endpoint = c, c.Endpoint
		case "InitConfiguration":
			b.Init, b.ControlPlane, found = true, true, true
			b.Node, b.Cluster.SkipPhases = o.NodeRegistration.node(hostname, true), o.SkipPhases
		case "JoinConfiguration":
			b.ControlPlane, found = o.ControlPlane != nil, true
			b.Endpoint, b.Token = o.Discovery.BootstrapToken.APIServerEndpoint, o.Discovery.BootstrapToken.Token
			b.Node = o.NodeRegistration.node(hostname, b.ControlPlane)
		}
	}
	if !found {
		return nil, errors.New("got neither an InitConfiguration nor a JoinConfiguration")
	}
	return b, nil
}

// registration is nodeRegistration of both configuration versions; the extra arguments are a map in v1beta3 and a
// list in v1beta4.
type registration struct {
	Name             string
	Taints           *[]corev1.Taint
	KubeletExtraArgs any
}

func (r registration) args() map[string]string {
	m := map[string]string{}
	switch x := r.KubeletExtraArgs.(type) {
	case map[string]any:
		for k, v := range x {
			m[k] = fmt.Sprint(v)
		}
	case []any:
		for _, e := range x {
			if e, ok := e.(map[string]any); ok {
				m[fmt.Sprint(e["name"])] = fmt.Sprint(e["value"])
			}
		}
	}
	return m
}

func (r registration) node(hostname string, controlPlane bool) Registration {
	name := r.Name
	if name == "" {
		name = hostname
	}
	return NewRegistration(name, controlPlane, r.args(), r.Taints)
}

// NewRegistration is how kubeadm lets a kubelet with the extra arguments register its node; nil taints are kubeadm's
// own choice.
func NewRegistration(name string, controlPlane bool, kubeletArgs map[string]string,
	taints *[]corev1.Taint) Registration {
	n := Registration{Name: strings.ToLower(name), Labels: map[string]string{},
		ExternalCloud: kubeletArgs["cloud-provider"] == "external"}
	for _, kv := range strings.Split(kubeletArgs["node-labels"], ",") {
		if k, v, _ := strings.Cut(kv, "="); k != "" {
			n.Labels[k] = v
		}
	}
	if controlPlane {
		n.Labels["node-role.kubernetes.io/control-plane"] = ""
		n.Labels["node.kubernetes.io/exclude-from-external-load-balancers"] = ""
	}
	switch {
	case taints != nil:
		n.Taints = slices.Clone(*taints)
	case controlPlane:
		n.Taints = []corev1.Taint{controlPlaneTaint}
	}
	if n.ExternalCloud {
		n.Taints = append(n.Taints, uninitialised)
	}
	return n
}
