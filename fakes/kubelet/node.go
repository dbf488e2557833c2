package kubelet

import (
	"cmp"
	"maps"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Node is a machine on which a kubelet is to run.
type Node struct {
	Name, IP   string
	Kubernetes string // the kubelet's version, "v1.34.5"
	Labels     map[string]string
	Taints     []corev1.Taint
	ProviderID string // empty when the cloud provider is external
	UUID       string // BIOS UUID
	OSImage    string
	CPUs       int64         // 0: 8
	MemoryMiB  int64         // 0: 16384
	StaticPods []*corev1.Pod // as their manifests say, without the node's name
	Runtime    string        // the version of containerd; empty: not known
	Images     []string      // that are on its disk from the start and need no pull

	// Addresses overrides what a kubelet knows (InternalIP, Hostname): for a node whose cloud provider has spoken.
	Addresses []corev1.NodeAddress
}

// object is the Node as the kubelet registers it. Ready is not true yet.
func (n Node) object(now time.Time) *corev1.Node {
	o := &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: n.Name, Labels: n.labels(),
			Annotations: map[string]string{"volumes.kubernetes.io/controller-managed-attach-detach": "true"}},
		Spec: corev1.NodeSpec{ProviderID: n.ProviderID, Taints: n.Taints},
	}
	o.Status = corev1.NodeStatus{
		Capacity: n.capacity(), Allocatable: n.capacity(), Addresses: n.Addresses,
		DaemonEndpoints: corev1.NodeDaemonEndpoints{KubeletEndpoint: corev1.DaemonEndpoint{Port: 10250}},
		NodeInfo: corev1.NodeSystemInfo{KubeletVersion: n.Kubernetes, OSImage: n.OSImage, KernelVersion: "6.6.0",
			ContainerRuntimeVersion: "containerd://" + cmp.Or(n.Runtime, "unknown"),
			OperatingSystem:         "linux", Architecture: "amd64", MachineID: n.UUID, SystemUUID: n.UUID,
			BootID: n.UUID},
	}
	if len(n.Addresses) == 0 {
		o.Status.Addresses = []corev1.NodeAddress{{Type: corev1.NodeInternalIP, Address: n.IP},
			{Type: corev1.NodeHostName, Address: n.Name}}
	}
	setConditions(o, nil, false, now)
	return o
}

func (n Node) labels() map[string]string {
	l := map[string]string{
		corev1.LabelHostname: n.Name, corev1.LabelOSStable: "linux", corev1.LabelArchStable: "amd64",
		"beta.kubernetes.io/os": "linux", "beta.kubernetes.io/arch": "amd64",
	}
	maps.Copy(l, n.Labels)
	return l
}

func (n Node) capacity() corev1.ResourceList {
	cpus, mem := n.CPUs, n.MemoryMiB
	if cpus == 0 {
		cpus = 8
	}
	if mem == 0 {
		mem = 16 << 10
	}
	return corev1.ResourceList{
		corev1.ResourceCPU: *resource.NewQuantity(cpus,
			resource.DecimalSI), corev1.ResourceMemory: *resource.NewQuantity(mem<<20, resource.BinarySI),
		corev1.ResourceEphemeralStorage: resource.MustParse("100Gi"), corev1.ResourcePods: resource.MustParse("110"),
	}
}

// NodeCondition is a condition as a kubelet posts it.
type NodeCondition struct {
	Status          corev1.ConditionStatus
	Reason, Message string
}

// healthy is what a kubelet says of a node that lacks nothing
// (k8s.io/kubernetes@v1.35.4 pkg/kubelet/nodestatus/setters.go). The order is that of the status.
var healthy = []struct {
	of corev1.NodeConditionType
	is NodeCondition
}{
	{corev1.NodeMemoryPressure, NodeCondition{corev1.ConditionFalse, "KubeletHasSufficientMemory",
		"kubelet has sufficient memory available"}},
	{corev1.NodeDiskPressure, NodeCondition{corev1.ConditionFalse, "KubeletHasNoDiskPressure",
		"kubelet has no disk pressure"}},
	{corev1.NodePIDPressure, NodeCondition{corev1.ConditionFalse, "KubeletHasSufficientPID",
		"kubelet has sufficient PID available"}},
	{corev1.NodeReady, NodeCondition{corev1.ConditionTrue, "KubeletReady", "kubelet is posting ready status"}},
}

// notYet is Ready of a kubelet that has just been started.
var notYet = NodeCondition{corev1.ConditionFalse, "KubeletNotReady",
	"container runtime status check may not have completed yet"}

// setConditions puts the conditions of a node right: those of healthy, with what has gone wrong instead. It tells
// whether anything but the times has changed; conditions of others stay.
func setConditions(o *corev1.Node, wrong map[corev1.NodeConditionType]NodeCondition, ready bool,
	now time.Time) (changed bool) {
	for _, h := range healthy {
		want := h.is
		if h.of == corev1.NodeReady && !ready {
			want = notYet
		}
		if w, ok := wrong[h.of]; ok {
			want = w
		}
		var c *corev1.NodeCondition
		for i := range o.Status.Conditions {
			if o.Status.Conditions[i].Type == h.of {
				c = &o.Status.Conditions[i]
			}
		}
		if c == nil {
			o.Status.Conditions = append(o.Status.Conditions, corev1.NodeCondition{Type: h.of})
			c = &o.Status.Conditions[len(o.Status.Conditions)-1]
		}
		if c.Status == want.Status && c.Reason == want.Reason && c.Message == want.Message {
			continue
		}
		if c.Status != want.Status {
			c.LastTransitionTime = metav1.NewTime(now)
		}
		c.Status, c.Reason, c.Message, c.LastHeartbeatTime = want.Status, want.Reason, want.Message, metav1.NewTime(now)
		changed = true
	}
	return changed
}
