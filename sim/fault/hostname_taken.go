package fault

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rehearse-dev/rehearse/fakes/cpi"
)

var hostnameTaken = Fault{
	ID: "hostname-taken",
	Effect: "an older VM is still in vCenter whose guest reports the hostname that a new machine gets; it fires at each machine whose kubelet registers " +
		"then, and the older VM is called former-MACHINE",
	Symptom: "the cloud controller manager takes the older VM for the node's and refuses it, since the addresses differ: the Node keeps the taint " +
		"node.cloudprovider.kubernetes.io/uninitialized and has no providerID, and its Machine stays Provisioned without a node",
	Recovery: "remove the older VM, and then delete the Pods of " + cpi.DaemonSet + " in kube-system, which remember it until they are started again",
	Heal:     "does both",
	Source: "github.com/alauda/immutable-infra-docs docs/en/create-cluster/vmware-vsphere.mdx; github.com/kubernetes/cloud-provider-vsphere " +
		"pkg/cloudprovider/vsphere/nodemanager.go DiscoverNode",
	Args: []Arg{clusterArg, roleArg},
	inject: func(ctx context.Context, s Site, a Args, hit func(string)) (laid, error) {
		l, err := guestsFail(HostnameTaken, "", "an older VM has its hostname", "a new node that registers")(ctx, s, a, hit)
		if err != nil {
			return laid{}, err
		}
		remove := l.heal
		l.heal = func(ctx context.Context) error {
			if err := remove(ctx); err != nil {
				return err
			}
			return restartCPI(ctx, s, a)
		}
		return l, nil
	},
}

// restartCPI deletes the pods of the cloud controller manager; its DaemonSet makes others.
func restartCPI(ctx context.Context, s Site, a Args) error {
	cluster, err := clusterOf(s, a)
	if err != nil {
		return err
	}
	c, err := administratorOf(s, cluster)
	if err != nil {
		return err
	}
	err = c.DeleteAllOf(ctx, &corev1.Pod{}, client.InNamespace(metav1.NamespaceSystem), client.MatchingLabels{"k8s-app": cpi.DaemonSet})
	if err != nil {
		return fmt.Errorf("restart %s: %w", cpi.DaemonSet, err)
	}
	return nil
}
