package check

import (
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// This file reads the objects of Cluster API, in the versions v1beta1 and v1beta2. Sources: cluster-api@v1.13.4
// api/core/v1beta1, api/core/v1beta2, api/controlplane/kubeadm/v1beta1, api/controlplane/kubeadm/v1beta2.

const (
	clusterLabel      = "cluster.x-k8s.io/cluster-name"
	controlPlaneLabel = "cluster.x-k8s.io/control-plane"
	deploymentLabel   = "cluster.x-k8s.io/deployment-name"
)

// maxMessage is how much of a message is kept; a drain can name a hundred pods.
const maxMessage = 300

type object = unstructured.Unstructured

func machineOf(o *object) journal.Body {
	c := conditionsOf(o)
	m := journal.Machine{
		Cluster: clusterOf(o), Name: o.GetName(), Role: o.GetLabels()[deploymentLabel],
		Version: text(o, "spec", "version"), Kubelet: text(o, "status", "nodeInfo", "kubeletVersion"),
		Phase: text(o, "status", "phase"), Node: text(o, "status", "nodeRef", "name"),
		Deleting: o.GetDeletionTimestamp() != nil,
	}
	if _, ok := o.GetLabels()[controlPlaneLabel]; ok {
		m.Role, m.Etcd = journal.RoleControlPlane, etcdOf(c)
	}
	if m.Phase == "" {
		m.Phase = "Pending"
	}
	m.Ready = m.Phase == "Running" && !m.Deleting && c["NodeHealthy"].status == "True" && c["Ready"].status != "False"
	if !m.Ready {
		m.Message = c.why(m.Deleting)
	}
	return m
}

func machineGone(o *object) journal.Body {
	return journal.Machine{Cluster: clusterOf(o), Name: o.GetName(), Phase: journal.PhaseDeleted}
}

func controlPlaneOf(o *object) journal.Body {
	p := journal.ControlPlane{
		Cluster: clusterOf(o), Name: o.GetName(), Version: text(o, "spec", "version"),
		Template: first(text(o, "spec", "machineTemplate", "spec", "infrastructureRef", "name"),
			text(o, "spec", "machineTemplate", "infrastructureRef", "name")),
		Replicas: number(o, 1, "spec", "replicas"), Current: number(o, 0, "status", "replicas"),
		UpToDate: upToDate(o), MaxSurge: maxSurge(o),
	}
	a := conditionsOf(o)["Available"]
	p.Available, p.Message = a.status, oneLine(a.message)
	return p
}

func controlPlaneGone(o *object) journal.Body {
	return journal.ControlPlane{Cluster: clusterOf(o), Name: o.GetName(), Deleted: true}
}

func deploymentOf(o *object) journal.Body {
	return journal.MachineDeployment{
		Cluster: clusterOf(o), Name: o.GetName(), Version: text(o, "spec", "template", "spec", "version"),
		Template: text(o, "spec", "template", "spec", "infrastructureRef", "name"),
		Replicas: number(o, 1, "spec", "replicas"), Current: number(o, 0, "status", "replicas"), UpToDate: upToDate(o),
	}
}

func deploymentGone(o *object) journal.Body {
	return journal.MachineDeployment{Cluster: clusterOf(o), Name: o.GetName(), Deleted: true}
}

func templateOf(o *object) journal.Body {
	return journal.Template{Cluster: clusterOf(o), Name: o.GetName()}
}

func templateGone(o *object) journal.Body {
	return journal.Template{Cluster: clusterOf(o), Name: o.GetName(), Deleted: true}
}

func clusterOf(o *object) string {
	if c := first(o.GetLabels()[clusterLabel], text(o, "spec", "clusterName")); c != "" {
		return c
	}
	for _, r := range o.GetOwnerReferences() {
		if r.Kind == "Cluster" {
			return r.Name
		}
	}
	return ""
}

func upToDate(o *object) int {
	return number(o, number(o, 0, "status", "updatedReplicas"), "status", "upToDateReplicas")
}

func maxSurge(o *object) int {
	for _, path := range [][]string{{"rollout", "strategy"}, {"rolloutStrategy"}} {
		path = append(append([]string{"spec"}, path...), "rollingUpdate", "maxSurge")
		v, ok, _ := unstructured.NestedFieldNoCopy(o.Object, path...)
		if s, isText := v.(string); isText {
			n, _ := strconv.Atoi(s)
			return n
		}
		if ok {
			return number(o, 1, path...)
		}
	}
	return 1 // the default
}

// condition is what one condition says.
type condition struct{ status, reason, message string }

type conditions map[string]condition

// conditionsOf reads the conditions of the newer kind, and those of the older one where the site has no others.
func conditionsOf(o *object) conditions {
	l, ok, _ := unstructured.NestedSlice(o.Object, "status", "v1beta2", "conditions")
	if !ok {
		l, _, _ = unstructured.NestedSlice(o.Object, "status", "conditions")
	}
	c := conditions{}
	for _, x := range l {
		m, _ := x.(map[string]any)
		get := func(k string) string { s, _ := m[k].(string); return s }
		c[get("type")] = condition{status: get("status"), reason: get("reason"), message: get("message")}
	}
	return c
}

// reasons are the conditions that tell why a machine is not ready, the first cause first.
var reasons = []string{
	"InfrastructureReady", "BootstrapConfigReady", "BootstrapReady", "NodeHealthy", "NodeReady", "EtcdPodHealthy",
	"EtcdMemberHealthy", "APIServerPodHealthy", "ControllerManagerPodHealthy", "SchedulerPodHealthy",
}

func (c conditions) why(deleting bool) string {
	if d := c["Deleting"]; deleting && d.status == "True" {
		return first(oneLine(d.message), d.reason)
	}
	if deleting {
		for _, t := range []string{"DrainingSucceeded", "VolumeDetachSucceeded"} {
			if d := c[t]; d.status == "False" {
				return first(oneLine(d.message), d.reason)
			}
		}
		return ""
	}
	for _, t := range reasons {
		if d, ok := c[t]; ok && d.status != "True" {
			return first(oneLine(d.message), d.reason)
		}
	}
	return ""
}

// etcdOf joins the two conditions: the member answers for itself, but once a majority is back one healthy member is
// asked for all of them, and then only the pod tells that another one is still down.
func etcdOf(c conditions) *journal.Etcd {
	member, ok := c["EtcdMemberHealthy"]
	pod := c["EtcdPodHealthy"]
	switch {
	case !ok:
		return nil
	case member.status == "False":
		return &journal.Etcd{Healthy: "False", Message: first(oneLine(member.message), member.reason)}
	case pod.status == "False":
		return &journal.Etcd{Healthy: "False", Message: "etcd pod: " + first(oneLine(pod.message), pod.reason)}
	case member.status == "True":
		return &journal.Etcd{Healthy: "True"}
	}
	return &journal.Etcd{Healthy: "Unknown", Message: first(oneLine(member.message), member.reason)}
}

func oneLine(s string) string {
	var l []string
	for _, line := range strings.Split(s, "\n") {
		if line = strings.TrimPrefix(strings.TrimSpace(line), "* "); line != "" {
			l = append(l, line)
		}
	}
	s = strings.ReplaceAll(strings.Join(l, "; "), ":; ", ": ")
	if r := []rune(s); len(r) > maxMessage {
		s = string(r[:maxMessage-1]) + "…"
	}
	return s
}

func text(o *object, path ...string) string {
	s, _, _ := unstructured.NestedString(o.Object, path...)
	return s
}

func number(o *object, otherwise int, path ...string) int {
	v, ok, _ := unstructured.NestedFieldNoCopy(o.Object, path...)
	if !ok {
		return otherwise
	}
	switch v := v.(type) {
	case int64:
		return int(v)
	case float64:
		return int(v)
	}
	return otherwise
}

func first(l ...string) string {
	for _, s := range l {
		if s != "" {
			return s
		}
	}
	return ""
}
