package sim

import (
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/rehearse-dev/rehearse/fakes/configpool"
	"github.com/rehearse-dev/rehearse/sim/fault"
)

// Names are what a fault may name of this world. Of the machines those have a name before the run that are found there:
// with provision none, since the API server draws the names of all that are made in a run. An etcd member is called as
// its node, and that as the slot where there is a machine config pool, in whichever machine.
func (p *Plan) Names(provision bool) fault.Names {
	n := fault.Names{fault.RoleName: {fault.ControlPlane}}
	for _, c := range p.clusters {
		n[fault.ClusterName] = append(n[fault.ClusterName], c.Name)
		for _, m := range c.manifests {
			var role string
			switch m.Object.GetKind() {
			case "MachineDeployment":
				role = m.Object.GetName()
				n[fault.RoleName] = append(n[fault.RoleName], role)
			case "KubeadmControlPlane":
				role = fault.ControlPlane
			default:
				continue
			}
			var machines []string
			if !provision {
				machines = p.machinesOf(m)
			}
			n.Add(fault.MachineOf(c.Name, role), machines)
			n.Add(fault.MachineOf(c.Name, ""), machines)
			if slots, pooled := c.slotsOf(m); role == fault.ControlPlane && pooled {
				n.Add(fault.MemberOf(c.Name), slots)
			} else if role == fault.ControlPlane {
				n.Add(fault.MemberOf(c.Name), machines)
			}
		}
	}
	for _, t := range p.World.Templates {
		n[fault.TemplateName] = append(n[fault.TemplateName], t.Name)
	}
	return n
}

// machinesOf are the names that adoption gives to the machines of a KubeadmControlPlane or a MachineDeployment.
func (p *Plan) machinesOf(owner Manifest) []string {
	of := owner.Object.GetName()
	if owner.Object.GetKind() == "MachineDeployment" {
		of = machineSetName(p.Seed, of)
	}
	var l []string
	for i := range replicas(owner.Object) {
		l = append(l, machineName(p.Seed, of, i))
	}
	return l
}

// replicas is how many machines an owner has: what it says, or what the webhooks say in its stead
// (sigs.k8s.io/cluster-api@v1.13.4 internal/webhooks, calculateMachineDeploymentReplicas).
func replicas(owner *unstructured.Unstructured) int {
	said, _, _ := unstructured.NestedFieldNoCopy(owner.Object, "spec", "replicas")
	switch n := said.(type) {
	case int64: // of a change
		return int(n)
	case float64: // of a file
		return int(n)
	}
	const size = "cluster.x-k8s.io/cluster-api-autoscaler-node-group-"
	least, err := strconv.Atoi(owner.GetAnnotations()[size+"min-size"])
	if _, bad := strconv.Atoi(owner.GetAnnotations()[size+"max-size"]); err != nil || bad != nil || owner.GetKind() != "MachineDeployment" {
		return 1
	}
	return least
}

// slotsOf are the hostnames of the machine config pool that a KubeadmControlPlane's template refers to, if it does.
func (c *clusterPlan) slotsOf(kcp Manifest) (hostnames []string, pooled bool) {
	name := kcp.str("spec", "machineTemplate", "spec", "infrastructureRef", "name")
	if name == "" { // v1beta1
		name = kcp.str("spec", "machineTemplate", "infrastructureRef", "name")
	}
	template, ok := c.find("VSphereMachineTemplate", name)
	if !ok {
		return nil, false
	}
	pool, ok := c.find("VSphereMachineConfigPool", configpool.PoolOf(template.Object).Name)
	if !ok {
		return nil, false
	}
	configs, _, _ := unstructured.NestedSlice(pool.Object.Object, "spec", "configs")
	for _, x := range configs {
		x, _ := x.(map[string]any)
		hostname, _, _ := unstructured.NestedString(x, "hostname")
		hostnames = append(hostnames, hostname)
	}
	return hostnames, true
}
