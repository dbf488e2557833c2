package fault

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var nodeNotReady = Fault{
	ID:     "node-not-ready",
	Effect: "a node that is there stops being Ready: its kubelet ends, or has no network for pods",
	Symptom: `kubelet ended: Ready is Unknown after 50 s, "Kubelet stopped posting node status."; in a twin its pods stay. No network: Ready is False at once, "Network plugin returns error: cni plugin not initialized". Either way ` +
		"NodeHealthy of its Machine is not True, and before the run preflight refuses with workers-not-ready, control-plane-unhealthy or nodes-not-ready",
	Recovery: "repair the node, or delete its Machine",
	Heal:     "starts the kubelet, or repairs the network, if the machine is still there",
	Source:   "000_d64b8bff74bf7917.txt, Rolling Back a Failed Upgrade: nodes do not become Ready; k8s.io/kubernetes@v1.35.4 pkg/controller/nodelifecycle",
	Args: []Arg{
		clusterArg,
		{Name: "role", Doc: "of the machine; by default a worker's, of the oldest MachineDeployment", Kind: RoleName},
		{Name: "machine", Doc: "its name, of one that is there when the run begins; by default drawn from the seed", Kind: MachineName},
		{Name: "cause", Doc: "what has happened", Default: "kubelet", OneOf: []string{"kubelet", "network"}},
	},
	inject: func(ctx context.Context, s Site, a Args, hit func(string)) (laid, error) {
		cluster, err := clusterOf(s, a)
		if err != nil {
			return laid{}, err
		}
		node, err := pickNode(ctx, s, cluster, a)
		if err != nil {
			return laid{}, err
		}
		do, what := s.StopKubelet, "its kubelet has ended"
		if a["cause"] == "network" {
			do, what = s.BreakRuntime, "its network is not ready"
		}
		heal, err := do(cluster, node)
		if err != nil {
			return laid{}, err
		}
		hit(fmt.Sprintf("Node %s of %s: %s", node, cluster, what))
		return laid{heal: func(context.Context) error { return heal() }}, nil
	},
}

// pickNode is the node of a Machine that the arguments role and machine choose.
func pickNode(ctx context.Context, s Site, cluster string, a Args) (string, error) {
	person, err := administratorOf(s, "")
	if err != nil {
		return "", err
	}
	role := a["role"]
	if role == "" && a["machine"] == "" {
		mds, err := person.ofCluster(ctx, machineDeploymentKind, cluster)
		if err != nil {
			return "", err
		}
		if len(mds) == 0 {
			return "", fmt.Errorf("cluster %s: it has no workers, so a role is wanted", cluster)
		}
		role = mds[0].GetName()
	}
	l, err := person.machines(ctx, cluster, role)
	if err != nil {
		return "", err
	}
	var names []string
	l = slices.DeleteFunc(l, func(m unstructured.Unstructured) bool {
		names = append(names, m.GetName())
		return m.GetDeletionTimestamp() != nil || str(&m, "status", "nodeRef", "name") == "" || a["machine"] != "" && m.GetName() != a["machine"]
	})
	if len(l) == 0 {
		return "", fmt.Errorf("machine: got %q and the Machines [%s], want one that has a node", a["machine"], strings.Join(names, " "))
	}
	return str(&l[s.Draw("node-not-ready/"+cluster, len(l))], "status", "nodeRef", "name"), nil
}
