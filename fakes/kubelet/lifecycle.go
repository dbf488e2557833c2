package kubelet

import (
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

// stage is where a pod is in its life on a node.
type stage int

const (
	bound    stage = iota // nothing was done yet
	pulling               // its images are missing and will be asked for again
	starting              // sandbox, init containers, containers
	running
	finished // all containers have ended by themselves
	stopping // asked to end
)

// run is what a kubelet remembers of a pod.
type run struct {
	stage stage
	since time.Time // site time at which the stage began
	boots int       // how often its machine was switched off and on under it
	pulls int       // failed in a row
	pull  error     // why the last one failed
	ip    string
}

// next tells what comes after the stage of a pod and how long that takes from the stage's beginning. It looks only at
// its arguments. A stage that is its own next lasts until somebody asks for something else.
func next(p *corev1.Pod, r run, t Timing) (to stage, after time.Duration) {
	over := p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
	switch {
	case p.DeletionTimestamp != nil && r.stage != stopping:
		return stopping, 0
	case r.stage == stopping:
		grace := time.Duration(ptr.Deref(p.DeletionGracePeriodSeconds, 30)) * time.Second
		if over || isMirror(p) || p.Status.Phase == corev1.PodPending {
			grace = 0
		}
		return stopping, min(t.PodStop, grace)
	case over:
		return finished, 0
	case r.stage == bound && p.Status.Phase == corev1.PodRunning:
		return running, 0
	case r.stage == bound:
		return starting, 0
	case r.stage == pulling:
		return starting, backoff(r.pulls)
	case r.stage == starting:
		return running, t.PodStart + time.Duration(len(p.Spec.InitContainers))*t.Init
	case r.stage == running && ofJob(p):
		return finished, t.Job
	}
	return r.stage, 0
}

// backoff is the image manager's: 10 s, doubled to 5 minutes.
func backoff(failures int) time.Duration {
	d := 10 * time.Second
	for range failures - 1 {
		d = min(2*d, 5*time.Minute)
	}
	return d
}

func ofJob(p *corev1.Pod) bool {
	o := metav1.GetControllerOf(p)
	return o != nil && o.Kind == "Job"
}

// Failure is a container that does not run, though its kubelet tries.
type Failure struct {
	Container       string // empty: every container
	Reason, Message string // of the waiting state, e.g. "CrashLoopBackOff"
	ExitCode        int32  // of the run before; 0: 1
	Restarts        int32
}

// CrashLoop is the Failure of a container that ends right after each start.
func CrashLoop(container string) Failure {
	return Failure{Container: container, Reason: "CrashLoopBackOff", Restarts: 5,
		Message: "back-off 2m40s restarting failed container=" + container}
}

func (f *Failure) hits(container string) bool {
	return f != nil && (f.Container == "" || f.Container == container)
}
