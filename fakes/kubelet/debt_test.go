package kubelet

import (
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"
)

func TestWhatControllersOwe(t *testing.T) {
	replicas := func(want, got int32, failed corev1.ConditionStatus) *appsv1.ReplicaSet {
		return &appsv1.ReplicaSet{Spec: appsv1.ReplicaSetSpec{Replicas: ptr.To(want)},
			Status: appsv1.ReplicaSetStatus{Replicas: got,
				Conditions: []appsv1.ReplicaSetCondition{{Type: appsv1.ReplicaSetReplicaFailure, Status: failed}}}}
	}
	unbound := func(conditions ...corev1.PodCondition) *corev1.Pod {
		return pod(func(p *corev1.Pod) { p.Spec.NodeName, p.Status.Conditions = "", conditions })
	}
	for name, c := range map[string]struct {
		o    any
		owed bool
	}{
		"a pod that the scheduler has not seen": {unbound(), true},
		"a pod that fits nowhere": {unbound(corev1.PodCondition{Type: corev1.PodScheduled,
			Status: corev1.ConditionFalse}), false},
		"a bound pod": {pod(nil), false},
		"a new Deployment": {&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Generation: 1}},
			true},
		"a Deployment that was seen": {&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Generation: 1},
			Status: appsv1.DeploymentStatus{ObservedGeneration: 1}}, false},
		"a DaemonSet that was changed": {&appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Generation: 2},
			Status: appsv1.DaemonSetStatus{ObservedGeneration: 1}}, true},
		"a ReplicaSet without its pods":          {replicas(2, 1, corev1.ConditionFalse), true},
		"a ReplicaSet that has them":             {replicas(2, 2, corev1.ConditionFalse), false},
		"a ReplicaSet that may not make its own": {replicas(2, 0, corev1.ConditionTrue), false},
	} {
		d := &debt{pods: cache.NewIndexer(cache.MetaNamespaceKeyFunc, indexers),
			deployments: cache.NewStore(cache.MetaNamespaceKeyFunc),
			replicaSets: cache.NewStore(cache.MetaNamespaceKeyFunc),
			daemonSets:  cache.NewStore(cache.MetaNamespaceKeyFunc)}
		var err error
		switch c.o.(type) {
		case *corev1.Pod:
			err = d.pods.Add(c.o)
		case *appsv1.Deployment:
			err = d.deployments.Add(c.o)
		case *appsv1.ReplicaSet:
			err = d.replicaSets.Add(c.o)
		case *appsv1.DaemonSet:
			err = d.daemonSets.Add(c.o)
		}
		if err != nil {
			t.Fatal(err)
		}
		if got := d.open(); got != c.owed {
			t.Errorf("%s: got owed=%v, want %v", name, got, c.owed)
		}
	}
}
