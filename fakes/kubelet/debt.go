package kubelet

import (
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"
)

// debt is what the real scheduler and controllers plainly have not done yet. They are processes of their own and cannot
// hold site time while they work, so we hold it for them: a Deployment that becomes pods only after two more
// controllers have had their turn would otherwise be overtaken by site time on a busy machine.
type debt struct {
	pods                                 cache.Indexer
	deployments, replicaSets, daemonSets cache.Store
}

// watchDebt hooks the kinds that nobody else here watches; news calls event.
func watchDebt(f informers.SharedInformerFactory, pods cache.Indexer, event func()) (*debt, error) {
	apps := f.Apps().V1()
	deployments, replicaSets, daemonSets := apps.Deployments().Informer(), apps.ReplicaSets().Informer(),
		apps.DaemonSets().Informer()
	for what, inf := range map[string]cache.SharedInformer{"deployments": deployments, "replica sets": replicaSets,
		"daemon sets": daemonSets} {
		news := func(any) { event() }
		if _, err := inf.AddEventHandler(cache.ResourceEventHandlerFuncs{AddFunc: news,
			UpdateFunc: func(_, o any) { event() }, DeleteFunc: news}); err != nil {
			return nil, fmt.Errorf("watch %s: %w", what, err)
		}
	}
	return &debt{pods: pods, deployments: deployments.GetStore(), replicaSets: replicaSets.GetStore(),
		daemonSets: daemonSets.GetStore()}, nil
}

// open tells whether anything is owed.
func (d *debt) open() bool {
	waiting, err := d.pods.ByIndex(byNode, "")
	return err == nil && owes(waiting, unscheduled) || owes(d.deployments.List(), unseenDeployment) ||
		owes(d.replicaSets.List(), shortOfPods) || owes(d.daemonSets.List(), unseenDaemonSet)
}

func owes[T any](l []any, is func(T) bool) bool {
	for _, o := range l {
		if is(o.(T)) {
			return true
		}
	}
	return false
}

// unscheduled: the scheduler has neither bound the pod nor refused it.
func unscheduled(p *corev1.Pod) bool {
	return p.DeletionTimestamp == nil && len(p.Spec.SchedulingGates) == 0 &&
		condition(p.Status.Conditions, corev1.PodScheduled) == nil
}

// unseenDeployment: its controller has not looked at what was asked for last.
func unseenDeployment(o *appsv1.Deployment) bool {
	return o.DeletionTimestamp == nil && o.Generation > o.Status.ObservedGeneration
}

func unseenDaemonSet(o *appsv1.DaemonSet) bool {
	return o.DeletionTimestamp == nil && o.Generation > o.Status.ObservedGeneration
}

// shortOfPods: its controller has not made or removed pods, nor said that it cannot.
func shortOfPods(o *appsv1.ReplicaSet) bool {
	for _, c := range o.Status.Conditions {
		if c.Type == appsv1.ReplicaSetReplicaFailure && c.Status == corev1.ConditionTrue {
			return false
		}
	}
	return o.DeletionTimestamp == nil && (o.Generation > o.Status.ObservedGeneration ||
		ptr.Deref(o.Spec.Replicas, 1) != o.Status.Replicas)
}
