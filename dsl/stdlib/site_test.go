package stdlib_test

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/dsl/dsltest"
)

// This file defines prod-a as plain objects, at the row of ACP 4.2.4, and controllers that roll it in a few polls.

const (
	oldKubernetes, newKubernetes = "v1.33.7-3", "v1.34.5"
	oldImage, newImage           = "alaudaos-42.m55.202603160804-0.x86_64", "alaudaos-43.m55.202604161208-0.x86_64"
	kcpStatus                    = `{"observedGeneration":1,"replicas":3,"updatedReplicas":3,"readyReplicas":3,"version":"v1.33.7-3",
		"v1beta2":{"conditions":[{"type":"Available","status":"True"},{"type":"EtcdClusterHealthy","status":"True"},{"type":"ControlPlaneComponentsHealthy","status":"True"}]}}`
)

// estate is the site with its controllers.
type estate struct {
	*dsltest.Site
	management, workload *dsltest.Cluster
	made                 int // machines
}

func newEstate() *estate {
	e := &estate{management: &dsltest.Cluster{}, workload: &dsltest.Cluster{}}
	e.Site = &dsltest.Site{
		Clusters: map[string]*dsltest.Cluster{"": e.management, "prod-a": e.workload},
		Vms: []dsl.VM{{Name: oldImage, Path: "/dc-1/vm/" + oldImage, Template: true},
			{Name: newImage, Path: "/dc-1/vm/" + newImage, Template: true}, {Name: "prod-a-cp-1", Path: "/dc-1/vm/prod-a-cp-1"}},
		Tags: map[string][]string{"acp/chart-cpaas-kube-ovn": {"v4.2.26", "v4.3.3"}},
	}
	e.platform()
	e.put(e.management, "Cluster", "prod-a", `{"metadata":{"annotations":{"cpaas.io/network-type":"kube-ovn","cpaas.io/kube-ovn-version":"v4.2.26"}},
		"spec":{"controlPlaneRef":{"kind":"KubeadmControlPlane","name":"prod-a-kcp"},"infrastructureRef":{"kind":"VSphereCluster","name":"prod-a"}}}`)
	e.put(e.management, "KubeadmControlPlane", "prod-a-kcp", `{"spec":{"replicas":3,"version":"v1.33.7-3",
		"kubeadmConfigSpec":{"clusterConfiguration":{"dns":{"imageTag":"1.12.4-v4.2.8"},"etcd":{"local":{"imageTag":"v3.5.27-260305"}}}},
		"machineTemplate":{"infrastructureRef":{"kind":"VSphereMachineTemplate","name":"prod-a-control-plane"}}},"status":`+kcpStatus+`}`)
	e.template("prod-a-control-plane")
	for range 3 {
		e.machine("", oldKubernetes)
	}
	for i, replicas := range []int{3, 2} {
		name := fmt.Sprintf("prod-a-md-%d", i)
		e.template(name)
		e.put(e.management, "MachineDeployment", name, fmt.Sprintf(`{"metadata":{"labels":{"cluster.x-k8s.io/cluster-name":"prod-a"}},
			"spec":{"replicas":%[1]d,"template":{"spec":{"version":"v1.33.7-3","infrastructureRef":{"kind":"VSphereMachineTemplate","name":"%[2]s"}}}},
			"status":{"observedGeneration":1,"replicas":%[1]d,"updatedReplicas":%[1]d,"readyReplicas":%[1]d,"availableReplicas":%[1]d}}`, replicas, name))
		for range replicas {
			e.machine(name, oldKubernetes)
		}
	}
	e.addons("1.12.4-v4.2.8", "v1.33.7-3")
	e.release("v4.2.26", "v4.2.26", "Success")
	return e
}

// platform is what the management cluster holds beside Cluster API.
func (e *estate) platform() {
	for name, provider := range map[string]string{
		"capi-controller-manager": "cluster-api", "capi-kubeadm-bootstrap-controller-manager": "bootstrap-kubeadm",
		"capi-kubeadm-control-plane-controller-manager": "control-plane-kubeadm", "capv-controller-manager": "infrastructure-vsphere",
	} {
		e.put(e.management, "Deployment", name, fmt.Sprintf(`{"metadata":{"labels":{"cluster.x-k8s.io/provider":%q}},
			"spec":{"replicas":1},"status":{"observedGeneration":1,"replicas":1,"updatedReplicas":1,"availableReplicas":1}}`, provider))
	}
	for _, name := range []string{"global", "prod-a"} {
		e.put(e.management, "ClusterVersionShadow", name, `{"status":{"current":{"version":"v4.3.0"},"desired":{"version":"v4.3.0"},
			"conditions":[{"type":"Ready","status":"True"}]}}`)
	}
}

func (e *estate) template(name string) {
	e.put(e.management, "VSphereMachineTemplate", name, `{"apiVersion":"infrastructure.cluster.x-k8s.io/v1beta1",
		"metadata":{"uid":"1","resourceVersion":"7","creationTimestamp":"2026-01-01T00:00:00Z","managedFields":[{}],"labels":{"a":"b"},
			"finalizers":["keep.example/me"],"deletionTimestamp":"2026-01-01T00:00:00Z","deletionGracePeriodSeconds":0,
			"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{}","keep":"me"}},
		"spec":{"template":{"spec":{"template":"`+oldImage+`","datacenter":"dc-1","numCPUs":8,"providerID":"vsphere://x"}}},"status":{"capacity":{}}}`)
}

// machine is a running machine with its node; of the control plane when deployment is "".
func (e *estate) machine(deployment, kubernetes string) {
	e.made++
	name, label := fmt.Sprintf("m-%02d", e.made), `"cluster.x-k8s.io/control-plane":""`
	if deployment != "" {
		label = fmt.Sprintf(`"cluster.x-k8s.io/deployment-name":%q`, deployment)
	}
	e.put(e.management, "Machine", name, fmt.Sprintf(`{"metadata":{"labels":{"cluster.x-k8s.io/cluster-name":"prod-a",%[1]s}},
		"spec":{"version":%[2]q},"status":{"phase":"Running","nodeRef":{"name":%[3]q},"nodeInfo":{"kubeletVersion":%[2]q},
			"v1beta2":{"conditions":[{"type":"NodeHealthy","status":"True"}]}}}`, label, kubernetes, name))
	e.put(e.workload, "Node", name, fmt.Sprintf(`{"status":{"nodeInfo":{"kubeletVersion":%q},"conditions":[{"type":"Ready","status":"True"}]}}`, kubernetes))
	if deployment == "" {
		tag := map[string]string{oldKubernetes: "v3.5.27-260305", newKubernetes: "v3.5.28-260325"}[kubernetes]
		e.put(e.workload, "Pod", "etcd-"+name, fmt.Sprintf(`{"metadata":{"labels":{"component":"etcd","tier":"control-plane"},"namespace":"kube-system"},
			"spec":{"containers":[{"image":"registry.example:11443/tkestack/etcd:%s"}]},
			"status":{"conditions":[{"type":"Ready","status":"True"}]}}`, tag))
	}
}

// upgraded lets machines run the new version.
func (e *estate) upgraded(names ...string) {
	for _, name := range names {
		m := e.management.Find("Machine", name)
		set(m, "spec/version", newKubernetes)
		set(m, "status/nodeInfo/kubeletVersion", newKubernetes)
	}
}

// rolled lets machines run the new version, and the control plane say that it is all.
func (e *estate) rolled(names ...string) {
	e.upgraded(names...)
	kcp := e.management.Find("KubeadmControlPlane", "prod-a-kcp")
	set(kcp, "spec/version", newKubernetes)
	set(kcp, "status/version", newKubernetes)
}

func (e *estate) addons(coredns, kubernetes string) {
	set := `{"metadata":{"namespace":"kube-system"},"spec":{"template":{"spec":{"containers":[{"image":"registry.example:11443/x:%s"}]}}},
		"status":{"observedGeneration":1,"desiredNumberScheduled":8,"updatedNumberScheduled":8,"numberAvailable":8,"replicas":2,"updatedReplicas":2,"availableReplicas":2}}`
	e.put(e.workload, "Namespace", "kube-system", `{}`)
	e.put(e.workload, "DaemonSet", "vsphere-cloud-controller-manager", fmt.Sprintf(set, "v1"))
	e.put(e.workload, "DaemonSet", "kube-proxy", fmt.Sprintf(set, kubernetes))
	e.put(e.workload, "Deployment", "coredns", fmt.Sprintf(set, coredns))
	e.workload.Find("Deployment", "coredns")["spec"].(map[string]any)["replicas"] = int64(2)
}

func (e *estate) release(target, installed, phase string) {
	sync := `"status":"Unknown","reason":"Syncing","message":"chart not found"`
	if phase == "Success" {
		sync = `"status":"True"`
	}
	e.put(e.workload, "AppRelease", "cni-kube-ovn", fmt.Sprintf(`{"spec":{"source":{"charts":[{"name":"acp/chart-cpaas-kube-ovn","targetRevision":%q}]}},
		"status":{"observedGeneration":1,"charts":{"acp/chart-cpaas-kube-ovn":{"phase":%q,"installedRevision":%q}},
			"conditions":[{"type":"Sync",%s},{"type":"Health","status":"True"}]}}`, target, phase, installed, sync))
}

// put stores an object; in cpaas-system on the management cluster unless it says where.
func (e *estate) put(c *dsltest.Cluster, kind, name, json string) {
	o := dsltest.Decode([]byte(json))
	meta, _ := o["metadata"].(map[string]any)
	if meta == nil {
		meta = map[string]any{}
	}
	o["kind"], o["metadata"] = kind, meta
	meta["name"], meta["generation"] = name, int64(1)
	if _, has := meta["namespace"]; !has && kind != "Node" && kind != "Namespace" {
		meta["namespace"] = "cpaas-system"
	}
	c.Put(o)
}

// set changes a field of an object, given as a path.
func set(o dsl.Object, path string, v any) {
	keys := strings.Split(path, "/")
	for _, k := range keys[:len(keys)-1] {
		next, ok := o[k].(map[string]any)
		if !ok {
			next = map[string]any{}
			o[k] = next
		}
		o = next
	}
	o[keys[len(keys)-1]] = v
}

// tick lets the controllers do a little of what the wait waits for.
func (e *estate) tick(wait string) {
	switch wait = strings.TrimPrefix(wait, "undone/"); {
	case strings.HasPrefix(wait, "kube-ovn"):
		e.deliver()
	case strings.HasPrefix(wait, "control-plane"):
		e.roll("KubeadmControlPlane", "prod-a-kcp", "")
	case strings.HasPrefix(wait, "workers-"):
		name := strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(wait, "workers-"), "-back"), "-rolled")
		e.roll("MachineDeployment", name, name)
	}
}

func (e *estate) deliver() {
	want := e.management.Find("Cluster", "prod-a")["metadata"].(map[string]any)["annotations"].(map[string]any)["cpaas.io/kube-ovn-version"].(string)
	release := e.workload.Find("AppRelease", "cni-kube-ovn")
	chart := release["status"].(map[string]any)["charts"].(map[string]any)["acp/chart-cpaas-kube-ovn"].(map[string]any)
	switch {
	case chart["phase"] == "Success" && chart["installedRevision"] != want:
		e.release(want, chart["installedRevision"].(string), "Upgrading")
	case chart["phase"] == "Upgrading":
		e.release(want, want, "HealthChecking")
	case chart["phase"] == "HealthChecking":
		e.release(want, want, "Success")
	}
}

// roll replaces one machine, and settles the owner and the add-ons when it was the last.
func (e *estate) roll(kind, name, deployment string) {
	owner := e.management.Find(kind, name)
	status, target := owner["status"].(map[string]any), versionOf(owner["spec"].(map[string]any))
	generation := owner["metadata"].(map[string]any)["generation"]
	if status["observedGeneration"] != generation {
		status["observedGeneration"], status["updatedReplicas"] = generation, int64(0)
		return
	}
	for key, m := range e.management.Objects {
		labels, _ := m["metadata"].(map[string]any)["labels"].(map[string]any)
		_, isControlPlane := labels["cluster.x-k8s.io/control-plane"]
		ours := labels["cluster.x-k8s.io/deployment-name"] == deployment || deployment == "" && isControlPlane
		if m["kind"] != "Machine" || !ours || m["spec"].(map[string]any)["version"] == target {
			continue
		}
		old := m["metadata"].(map[string]any)["name"].(string)
		delete(e.management.Objects, key)
		delete(e.workload.Objects, "Node "+old)
		delete(e.workload.Objects, "Pod kube-system/etcd-"+old)
		e.machine(deployment, target)
		status["updatedReplicas"] = status["updatedReplicas"].(int64) + 1
		return
	}
	if kind == "KubeadmControlPlane" {
		status["version"] = target
		tag := "1.14.2-v4.3.4" // a rollback tells the controller to leave CoreDNS alone
		e.addons(tag, target)
	}
}

// versionOf is what a KubeadmControlPlane or a MachineDeployment asks for.
func versionOf(spec map[string]any) string {
	if v, ok := spec["version"].(string); ok {
		return v
	}
	return spec["template"].(map[string]any)["spec"].(map[string]any)["version"].(string)
}

func mustJSON(x any) string {
	data, err := json.Marshal(x)
	if err != nil {
		panic(err) // objects are plain data
	}
	return string(data)
}
