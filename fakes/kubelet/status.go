package kubelet

import (
	"fmt"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// statusOf is the status that a kubelet reports of a pod. It keeps what belongs to others (PodScheduled,
// DisruptionTarget, readiness gates) and the times of what has not changed.
func statusOf(p *corev1.Pod, r run, f *Failure, hostIP string, now time.Time) corev1.PodStatus {
	s := *p.Status.DeepCopy()
	s.ObservedGeneration = p.Generation
	s.HostIP, s.HostIPs = hostIP, []corev1.HostIP{{IP: hostIP}}
	if s.StartTime == nil {
		s.StartTime = ptr.To(metav1.NewTime(r.since))
	}
	s.InitContainerStatuses = containers(p, p.Spec.InitContainers, s.InitContainerStatuses, r, f, true)
	s.ContainerStatuses = containers(p, p.Spec.Containers, s.ContainerStatuses, r, f, false)
	switch r.stage {
	case finished:
		s.Phase = corev1.PodSucceeded
	case running:
		s.Phase = corev1.PodRunning
		s.PodIP, s.PodIPs = r.ip, []corev1.PodIP{{IP: r.ip}}
	default:
		if r.boots == 0 { // a pod that has run never goes back to Pending
			s.Phase = corev1.PodPending
		}
	}
	setPodConditions(p, &s, r, now)
	return s
}

// containers reports the containers of a pod; init says that they are its init containers.
func containers(p *corev1.Pod, specs []corev1.Container, old []corev1.ContainerStatus, r run, f *Failure,
	init bool) []corev1.ContainerStatus {
	var l []corev1.ContainerStatus
	for _, c := range specs {
		was := corev1.ContainerStatus{}
		for _, o := range old {
			if o.Name == c.Name {
				was = o
			}
		}
		sidecar := init && ptr.Deref(c.RestartPolicy, "") == corev1.ContainerRestartPolicyAlways
		s := container(p, c, was, r, init && !sidecar)
		if r.stage == running && f.hits(c.Name) {
			s = failing(s, *f)
		}
		l = append(l, s)
	}
	return l
}

// container reports one container; ends says that it ends by itself before the pod runs.
func container(p *corev1.Pod, c corev1.Container, was corev1.ContainerStatus, r run, ends bool) corev1.ContainerStatus {
	s := corev1.ContainerStatus{Name: c.Name, Image: c.Image, RestartCount: max(was.RestartCount, int32(r.boots)),
		LastTerminationState: was.LastTerminationState, Started: ptr.To(false)}
	if r.stage == starting && was.State.Running != nil {
		s.LastTerminationState = lostWithItsMachine(was, r.since)
	}
	id := fmt.Sprintf("containerd://%s-%s", p.UID, c.Name)
	up := metav1.NewTime(r.since)
	if was.State.Running != nil {
		up = was.State.Running.StartedAt
	}
	switch {
	case r.stage == pulling:
		s.State.Waiting = &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff",
			Message: fmt.Sprintf("Back-off pulling image %q: ErrImagePull: %v", c.Image, r.pull)}
	case r.stage == finished || r.stage == running && ends:
		s.ImageID, s.ContainerID = c.Image, id
		s.State.Terminated = &corev1.ContainerStateTerminated{Reason: "Completed", StartedAt: up,
			FinishedAt: metav1.NewTime(r.since), ContainerID: id}
		s.Ready = r.stage == running
		if was.State.Terminated != nil {
			s.State = was.State
		}
	case r.stage == running:
		s.ImageID, s.ContainerID, s.Ready, s.Started = c.Image, id, true, ptr.To(true)
		s.State.Running = &corev1.ContainerStateRunning{StartedAt: up}
	default:
		s.State.Waiting = &corev1.ContainerStateWaiting{Reason: "ContainerCreating"}
	}
	return s
}

// lostWithItsMachine is how containerd tells of a container that ended when nobody looked.
func lostWithItsMachine(was corev1.ContainerStatus, seen time.Time) corev1.ContainerState {
	return corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: 255, Reason: "Unknown",
		StartedAt: was.State.Running.StartedAt, FinishedAt: metav1.NewTime(seen), ContainerID: was.ContainerID}}
}

func failing(s corev1.ContainerStatus, f Failure) corev1.ContainerStatus {
	if f.ExitCode == 0 {
		f.ExitCode = 1
	}
	s.Ready, s.Started, s.RestartCount = false, ptr.To(false), max(s.RestartCount, f.Restarts)
	s.State = corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: f.Reason, Message: f.Message}}
	s.LastTerminationState = corev1.ContainerState{Terminated: &corev1.ContainerStateTerminated{ExitCode: f.ExitCode,
		Reason: "Error", ContainerID: s.ContainerID}}
	return s
}

// setPodConditions derives the kubelet's conditions from the containers.
func setPodConditions(p *corev1.Pod, s *corev1.PodStatus, r run, now time.Time) {
	set := func(t corev1.PodConditionType, ok bool, reason, message string) {
		status := corev1.ConditionTrue
		if !ok {
			status = corev1.ConditionFalse
		}
		setPodCondition(s, corev1.PodCondition{Type: t, ObservedGeneration: p.Generation, Status: status,
			Reason: reason, Message: message}, now)
	}
	set(corev1.PodReadyToStartContainers, r.stage == running, "", "")
	if r.stage == finished {
		set(corev1.PodInitialized, true, "PodCompleted", "")
		set(corev1.ContainersReady, false, "PodCompleted", "")
		set(corev1.PodReady, false, "PodCompleted", "")
		return
	}
	if r.stage == running {
		set(corev1.PodInitialized, true, "", "")
	} else {
		set(corev1.PodInitialized, len(p.Spec.InitContainers) == 0, "", "")
	}
	reason, message := unreadyContainers(s.ContainerStatuses)
	set(corev1.ContainersReady, reason == "", reason, message)
	if reason == "" {
		reason, message = unmetGate(p, s)
	}
	set(corev1.PodReady, reason == "", reason, message)
}

// unreadyContainers is why containers are not ready, empty when they are.
func unreadyContainers(l []corev1.ContainerStatus) (reason, message string) {
	var names []string
	for _, c := range l {
		if !c.Ready {
			names = append(names, c.Name)
		}
	}
	if len(names) == 0 {
		return "", ""
	}
	return "ContainersNotReady", fmt.Sprintf("containers with unready status: [%s]", strings.Join(names, " "))
}

// unmetGate is why a pod whose containers are ready is not, empty when it is.
func unmetGate(p *corev1.Pod, s *corev1.PodStatus) (reason, message string) {
	for _, g := range p.Spec.ReadinessGates {
		switch c := condition(s.Conditions, g.ConditionType); {
		case c == nil:
			return "ReadinessGatesNotReady",
				fmt.Sprintf("corresponding condition of pod readiness gate %q does not exist.", g.ConditionType)
		case c.Status != corev1.ConditionTrue:
			return "ReadinessGatesNotReady", fmt.Sprintf("the status of pod readiness gate %q is not \"True\", but %v",
				g.ConditionType, c.Status)
		}
	}
	return "", ""
}

func setPodCondition(s *corev1.PodStatus, c corev1.PodCondition, now time.Time) {
	old := condition(s.Conditions, c.Type)
	if old == nil {
		c.LastTransitionTime = metav1.NewTime(now)
		s.Conditions = append(s.Conditions, c)
		return
	}
	c.LastTransitionTime, c.LastProbeTime = old.LastTransitionTime, old.LastProbeTime
	if old.Status != c.Status {
		c.LastTransitionTime = metav1.NewTime(now)
	}
	*old = c
}

func condition(l []corev1.PodCondition, t corev1.PodConditionType) *corev1.PodCondition {
	for i := range l {
		if l[i].Type == t {
			return &l[i]
		}
	}
	return nil
}

// sameStatus compares what the API server stores: it may drop fields that it has no feature gate for, and times lose
// their fractions of a second.
func sameStatus(a, b corev1.PodStatus) bool {
	return equality.Semantic.DeepEqual(essence(a), essence(b))
}

func essence(s corev1.PodStatus) corev1.PodStatus {
	s = *s.DeepCopy()
	s.StartTime, s.ObservedGeneration = nil, 0
	for i := range s.Conditions {
		c := &s.Conditions[i]
		c.LastTransitionTime, c.LastProbeTime, c.ObservedGeneration = metav1.Time{}, metav1.Time{}, 0
	}
	for _, l := range [][]corev1.ContainerStatus{s.InitContainerStatuses, s.ContainerStatuses} {
		for i := range l {
			c := &l[i]
			*c = corev1.ContainerStatus{Name: c.Name, State: c.State, Ready: c.Ready, RestartCount: c.RestartCount}
			if c.State.Running != nil {
				c.State.Running = &corev1.ContainerStateRunning{}
			}
			if c.State.Terminated != nil {
				c.State.Terminated = &corev1.ContainerStateTerminated{Reason: c.State.Terminated.Reason}
			}
		}
	}
	return s
}
