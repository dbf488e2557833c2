package fault

import (
	"context"
	"fmt"
)

const clonedFrom = "cluster.x-k8s.io/cloned-from-name"

var oldTemplateDeleted = Fault{
	ID:     "old-template-deleted",
	Effect: "somebody deletes the VSphereMachineTemplate that the control plane's old machines were made from",
	Symptom: "nothing, until a machine is to be made from it, by a rollback or before the edit: then none is, and ScalingUp of its owner says " +
		`"blocked because: VSphereMachineTemplate does not exist" (v1beta1: InfrastructureTemplateCloningFailed)`,
	Recovery: "create it again from a backup; what waits for it goes on by itself",
	Heal:     "creates it again, unless somebody has done so",
	Source:   "000_d64b8bff74bf7917.txt, Rolling Back a Failed Upgrade; sigs.k8s.io/cluster-api@v1.13.4 controlplane/kubeadm/internal/controllers/helpers.go",
	Args: []Arg{
		clusterArg,
		{Name: "name", Doc: "the VSphereMachineTemplate; by default the one that control-plane machines were cloned from and the KubeadmControlPlane " +
			"does not name any more, or else the one that it names"},
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
			if name, err = person.oldTemplate(ctx, cluster, str(kcp, "spec", "machineTemplate", "infrastructureRef", "name")); err != nil {
				return laid{}, err
			}
		}
		t, err := person.object(ctx, vsphereTemplateKind, kcp.GetNamespace(), name)
		if err != nil {
			return laid{}, err
		}
		if err := person.Delete(ctx, t); err != nil {
			return laid{}, fmt.Errorf("delete VSphereMachineTemplate %s: %w", name, err)
		}
		hit("VSphereMachineTemplate " + name + ": deleted")
		return laid{heal: func(ctx context.Context) error {
			return ignoreExists(person.Create(ctx, clean(t)))
		}}, nil
	},
}

// oldTemplate is what control-plane machines of a cluster were cloned from and current is not, or else current.
func (a administrator) oldTemplate(ctx context.Context, cluster, current string) (string, error) {
	l, err := a.ofCluster(ctx, vsphereMachineKind, cluster)
	if err != nil {
		return "", err
	}
	for _, m := range l {
		_, plane := m.GetLabels()[controlPlaneLabel]
		if from := m.GetAnnotations()[clonedFrom]; plane && from != "" && from != current {
			return from, nil
		}
	}
	return current, nil
}
