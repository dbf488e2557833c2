package fault

import (
	"context"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

var drStandby = Fault{
	ID:     "dr-standby",
	Effect: "the management cluster carries the guard of a DR standby: ConfigMap kube-public/etcd-sync",
	Symptom: `nothing is reconciled, without any event or condition; the controllers' log says "Skipping reconciliation because management cluster ` +
		`is DR standby" every 30 s. Edits are accepted and no machine moves`,
	Recovery: "on a standby that is as it should be: work on the primary. Delete the ConfigMap only to promote the standby, or when it was left behind",
	Heal:     "deletes the ConfigMap, unless somebody has done so; the controllers go on at most 30 s later",
	Source:   "the vendor's forks of Cluster API and of the vSphere provider: the standby guard, its ConfigMap and its words in the log",
	inject: func(ctx context.Context, s Site, _ Args, hit func(string)) (laid, error) {
		person, err := administratorOf(s, "")
		if err != nil {
			return laid{}, err
		}
		guard := &corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{Namespace: metav1.NamespacePublic, Name: "etcd-sync"}}
		if err := person.Create(ctx, guard); err != nil {
			return laid{}, err
		}
		hit("ConfigMap kube-public/etcd-sync of the management cluster: created")
		return laid{heal: func(ctx context.Context) error { return client.IgnoreNotFound(person.Delete(ctx, guard)) }}, nil
	},
}
