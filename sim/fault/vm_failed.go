package fault

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var vmFailed = Fault{
	ID: "vm-failed",
	Effect: "a VM is broken for good and its VSphereVM has a failureReason: of the VMs that are not ready yet one that is drawn from the seed, or else " +
		"of all. One that was on its way never boots",
	Symptom: "the VSphereMachine has the failureReason as well, and a machine that was on its way stays Provisioning without a node; the Machine does not " +
		"say so",
	Recovery: "delete the Machine; another one is made",
	Heal:     "deletes the Machine, as the documents ask of the operator",
	Source: "sigs.k8s.io/cluster-api-provider-vsphere@v1.16.1 pkg/services/vimmachine.go SyncFailureReason, which passes the reason on; it is set by nobody " +
		"there, and a fork that sets it also stops to reconcile",
	Args: []Arg{clusterArg, roleArg},
	inject: func(ctx context.Context, s Site, a Args, hit func(string)) (laid, error) {
		cluster, err := clusterOf(s, a)
		if err != nil {
			return laid{}, err
		}
		c, err := administratorOf(s, "")
		if err != nil {
			return laid{}, err
		}
		vm, err := pickVM(ctx, s, c, s.Which(cluster, a["role"]))
		if err != nil {
			return laid{}, err
		}
		patch := client.RawPatch(types.MergePatchType, []byte(`{"status":{"failureReason":"CreateError","failureMessage":"the VM is broken beyond repair"}}`))
		if err := c.Status().Patch(ctx, vm, patch); err != nil {
			return laid{}, err
		}
		boots := s.FailGuests(NoAddress, func(machine string) bool { return machine == vm.GetName() }, func(string) {})
		hit(fmt.Sprintf("VSphereVM %s of %s: failed with CreateError", vm.GetName(), cluster))
		return laid{heal: func(ctx context.Context) error {
			if err := boots(ctx); err != nil {
				return err
			}
			m := &unstructured.Unstructured{}
			m.SetAPIVersion("cluster.x-k8s.io/v1beta1")
			m.SetKind("Machine")
			m.SetNamespace(vm.GetNamespace())
			m.SetName(vm.GetName())
			return client.IgnoreNotFound(c.Delete(ctx, m))
		}}, nil
	},
}

// pickVM draws one of the VMs that are meant: of those that are not ready, if there are any.
func pickVM(ctx context.Context, s Site, c client.Client, which func(string) bool) (*unstructured.Unstructured, error) {
	l := &unstructured.UnstructuredList{}
	l.SetAPIVersion("infrastructure.cluster.x-k8s.io/v1beta1")
	l.SetKind("VSphereVMList")
	if err := c.List(ctx, l); err != nil {
		return nil, fmt.Errorf("list VSphereVMs: %w", err)
	}
	slices.SortFunc(l.Items, byAge(s.Began()))
	all := slices.DeleteFunc(l.Items, func(o unstructured.Unstructured) bool {
		return o.GetDeletionTimestamp() != nil || !which(o.GetName())
	})
	if len(all) == 0 {
		return nil, fmt.Errorf("got no VSphereVM that is meant among %d, want one", len(l.Items))
	}
	under := slices.DeleteFunc(slices.Clone(all), func(o unstructured.Unstructured) bool {
		ready, _, _ := unstructured.NestedBool(o.Object, "status", "ready")
		return ready
	})
	if len(under) > 0 {
		all = under
	}
	return &all[s.Draw("vm-failed", len(all))], nil
}
