package kubelet

import (
	"context"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
	"k8s.io/utils/ptr"
)

// podKey is one life of a pod.
type podKey struct {
	cache.ObjectName
	uid types.UID
}

// Fail makes a pod's containers fail from now on, nil: heal. It returns when the kubelet, if it can, has reported it:
// the API server may lose its storage to the very failure. It is about the name: a pod of that name that comes later
// fails as well.
func (k *Kubelets) Fail(ctx context.Context, namespace, pod string, f *Failure) error {
	name := cache.NewObjectName(namespace, pod)
	k.mu.Lock()
	if delete(k.failures, name); f != nil {
		k.failures[name] = *f
	}
	k.mu.Unlock()
	o, ok, _ := k.pods.GetStore().GetByKey(name.String())
	if !ok {
		return nil
	}
	p := o.(*corev1.Pod)
	select {
	case <-k.wakePod(podKey{name, p.UID}):
		return nil
	case <-ctx.Done():
		return fmt.Errorf("kubelet %s: report pod %s: %w", p.Spec.NodeName, name, ctx.Err())
	}
}

// failing tells whether a pod was made to fail.
func (k *Kubelets) failing(namespace, pod string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	_, ok := k.failures[cache.NewObjectName(namespace, pod)]
	return ok
}

func (k *Kubelets) podChanged(p *corev1.Pod, deleted bool) {
	key := podKey{cache.NewObjectName(p.Namespace, p.Name), p.UID}
	if deleted {
		k.mu.Lock()
		delete(k.runs, key)
		k.mu.Unlock()
		if isMirror(p) {
			k.wakeNode(p.Spec.NodeName) // it comes back as long as its manifest is there
		}
		return
	}
	k.mu.Lock()
	acts := k.machines[p.Spec.NodeName].acts()
	k.mu.Unlock()
	if acts {
		k.wakePod(key)
	}
}

func (k *Kubelets) wakePodsOf(node string) {
	l, err := k.pods.GetIndexer().ByIndex(byNode, node)
	if err != nil {
		return
	}
	for _, o := range l {
		k.podChanged(o.(*corev1.Pod), false)
	}
}

func (k *Kubelets) wakePod(key podKey) (ran <-chan struct{}) {
	return k.work.do("pod "+key.String(), key, func() time.Duration { return k.syncPod(key) })
}

// syncPod takes a pod through its life as far as site time allows, and says when it goes on. A life that is where it
// should be costs no request.
func (k *Kubelets) syncPod(key podKey) time.Duration {
	for {
		o, ok, _ := k.pods.GetStore().GetByKey(key.ObjectName.String())
		if !ok || o.(*corev1.Pod).UID != key.uid {
			return -1
		}
		p := o.(*corev1.Pod)
		k.mu.Lock()
		m, r, instant := k.machines[p.Spec.NodeName], k.runOf(key), k.instant
		acts := m.acts()
		k.mu.Unlock()
		if !acts {
			return -1
		}
		to, after := next(p, r, k.cfg.Timing)
		if instant {
			after = 0
		}
		if wait := after - k.cfg.Clock.Now().Sub(r.since); wait > 0 {
			if err := k.report(p, m, r); err != nil {
				return k.again(err)
			}
			return wait
		}
		switch {
		case to == stopping && r.stage == stopping:
			return k.end(p)
		case to == r.stage:
			return k.settled(p, m, r)
		case to == starting && instant:
			k.have(p, m)
		case to == starting:
			to, r = k.pull(p, m, r)
		}
		k.enter(key, r, to)
	}
}

func (k *Kubelets) settled(p *corev1.Pod, m *machine, r run) time.Duration {
	if err := k.report(p, m, r); err != nil {
		return k.again(err)
	}
	return -1
}

// runOf is what is remembered of a pod; new ones are bound now. k.mu is held.
func (k *Kubelets) runOf(key podKey) run {
	r := k.runs[key]
	if r == nil {
		r = &run{since: k.cfg.Clock.Now()}
		k.runs[key] = r
	}
	return *r
}

// enter begins a stage.
func (k *Kubelets) enter(key podKey, r run, to stage) {
	r.stage, r.since = to, k.cfg.Clock.Now()
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.runs[key] != nil {
		k.runs[key] = &r
	}
}

// reports tells whether a kubelet says anything of a pod in its stage. What shows while a pod starts for the first time,
// or stops, is left as it is.
func reports(p *corev1.Pod, r run) bool {
	switch r.stage {
	case running, pulling:
		return true
	case starting:
		return r.boots > 0
	case finished:
		return p.Status.Phase != corev1.PodFailed
	}
	return false
}

// report writes the status if it is not what it should be.
func (k *Kubelets) report(p *corev1.Pod, m *machine, r run) error {
	if !reports(p, r) {
		return nil
	}
	k.mu.Lock()
	f, failing := k.failures[cache.NewObjectName(p.Namespace, p.Name)]
	if r.ip = p.Status.PodIP; p.Spec.HostNetwork {
		r.ip = m.IP
	} else if r.ip == "" {
		k.podIPs++
		r.ip = fmt.Sprintf("10.3.%d.%d", k.podIPs/250, 2+k.podIPs%250)
	}
	k.mu.Unlock()
	var fail *Failure
	if failing {
		fail = &f
	}
	for {
		want := statusOf(p, r, fail, m.IP, k.cfg.Clock.Now())
		if sameStatus(p.Status, want) {
			return nil
		}
		p = p.DeepCopy()
		p.Status = want
		_, err := k.client.CoreV1().Pods(p.Namespace).UpdateStatus(k.ctx, p, metav1.UpdateOptions{})
		if apierrors.IsConflict(err) { // our watch is behind
			uid := p.UID
			if p, err = k.client.CoreV1().Pods(p.Namespace).Get(k.ctx, p.Name, metav1.GetOptions{}); err == nil &&
				p.UID == uid && p.DeletionTimestamp == nil {
				continue
			}
		}
		if apierrors.IsNotFound(err) {
			return nil
		}
		return err
	}
}

// end removes a pod that has stopped.
func (k *Kubelets) end(p *corev1.Pod) time.Duration {
	err := k.client.CoreV1().Pods(p.Namespace).Delete(k.ctx, p.Name,
		metav1.DeleteOptions{GracePeriodSeconds: ptr.To[int64](0),
			Preconditions: metav1.NewUIDPreconditions(string(p.UID))})
	if err == nil || apierrors.IsNotFound(err) || apierrors.IsConflict(err) {
		return -1 // finalizers, if any, are others' business
	}
	return retry
}

// pull asks for the images that the node does not have, or that are to be pulled always. It returns the stage that the pod gets into.
func (k *Kubelets) pull(p *corev1.Pod, m *machine, r run) (stage, run) {
	if k.cfg.PullImage == nil {
		return starting, r
	}
	for _, l := range [][]corev1.Container{p.Spec.InitContainers, p.Spec.Containers} {
		for _, c := range l {
			k.mu.Lock()
			there := m.images[c.Image]
			k.mu.Unlock()
			if there && c.ImagePullPolicy != corev1.PullAlways {
				continue
			}
			if err := k.cfg.PullImage(k.ctx, c.Image); err != nil {
				r.pulls, r.pull = r.pulls+1, err
				k.event(p, "Failed", fmt.Sprintf("Failed to pull image %q: %v", c.Image, err))
				return pulling, r
			}
			k.mu.Lock()
			m.images[c.Image] = true
			k.mu.Unlock()
		}
	}
	r.pulls, r.pull = 0, nil
	return starting, r
}

// have puts the images of a pod on its node: those of a pod that is to be found running were pulled long ago.
func (k *Kubelets) have(p *corev1.Pod, m *machine) {
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, l := range [][]corev1.Container{p.Spec.InitContainers, p.Spec.Containers} {
		for _, c := range l {
			m.images[c.Image] = true
		}
	}
}

// event tells of a pod. Losing one harms nobody.
func (k *Kubelets) event(p *corev1.Pod, reason, message string) {
	now := metav1.NewTime(k.cfg.Clock.Now())
	ctx, cancel := context.WithTimeout(k.ctx, 10*time.Second)
	defer cancel()
	_, _ = k.client.CoreV1().Events(p.Namespace).Create(ctx, &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{GenerateName: p.Name + ".", Namespace: p.Namespace},
		InvolvedObject: corev1.ObjectReference{APIVersion: "v1", Kind: "Pod", Namespace: p.Namespace, Name: p.Name,
			UID: p.UID, ResourceVersion: p.ResourceVersion},
		Reason: reason, Message: message, Type: corev1.EventTypeWarning, Count: 1, FirstTimestamp: now,
		LastTimestamp: now,
		Source: corev1.EventSource{Component: "kubelet",
			Host: p.Spec.NodeName}, ReportingController: "kubelet", ReportingInstance: p.Spec.NodeName,
	}, metav1.CreateOptions{})
}
