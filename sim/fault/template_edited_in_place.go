package fault

import (
	"context"
	"fmt"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

var templateEditedInPlace = Fault{
	ID:     "template-edited-in-place",
	Effect: "somebody edits the VSphereMachineTemplate that machines are made from instead of copying it; it fires when the denial comes",
	Symptom: `the webhook denies it: "VSphereMachineTemplate spec.template.spec field is immutable. Please create a new resource instead."; ` +
		"nothing has changed",
	Recovery: "copy the template under a new name and point to the copy",
	Heal:     "there is nothing to take back",
	Source:   "000_d64b8bff74bf7917.txt, Create the target machine templates; sigs.k8s.io/cluster-api-provider-vsphere@v1.16.1 webhooks VSphereMachineTemplate",
	Args: []Arg{
		clusterArg,
		{Name: "name", Doc: "the VSphereMachineTemplate; by default that of the control plane"},
	},
	inject: func(ctx context.Context, s Site, a Args, hit func(string)) (laid, error) {
		cluster, err := clusterOf(s, a)
		if err != nil {
			return laid{}, err
		}
		person, err := administratorOf(s, "")
		if err != nil {
			return laid{}, err
		}
		kcp, err := person.controlPlane(ctx, cluster)
		if err != nil {
			return laid{}, err
		}
		name := a["name"]
		if name == "" {
			name = str(kcp, "spec", "machineTemplate", "infrastructureRef", "name")
		}
		t, err := person.object(ctx, vsphereTemplateKind, kcp.GetNamespace(), name)
		if err != nil {
			return laid{}, err
		}
		memory, _, _ := unstructured.NestedInt64(t.Object, "spec", "template", "spec", "memoryMiB")
		err = person.set(ctx, t, memory+1024, "spec", "template", "spec", "memoryMiB")
		why := denial(err)
		if why == "" {
			return laid{}, fmt.Errorf("edit of VSphereMachineTemplate %s: got %v, want a denial", name, err)
		}
		hit(fmt.Sprintf("VSphereMachineTemplate %s: edit denied: %s", name, why))
		return laid{heal: nothing}, nil
	},
}
