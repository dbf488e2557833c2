package kubelet

import (
	"errors"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
)

var timing = defaultTiming

func pod(change func(*corev1.Pod)) *corev1.Pod {
	p := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: "p", Namespace: "ns", UID: "u", Generation: 1},
		Spec:   corev1.PodSpec{NodeName: "n", Containers: []corev1.Container{{Name: "main", Image: "main:v1"}}},
		Status: corev1.PodStatus{Phase: corev1.PodPending}}
	if change != nil {
		change(p)
	}
	return p
}

func TestNextStageOfAPod(t *testing.T) {
	ofJob := func(p *corev1.Pod) {
		p.OwnerReferences = []metav1.OwnerReference{{Kind: "Job", Controller: ptr.To(true)}}
		p.Status.Phase = corev1.PodRunning
	}
	ending := func(phase corev1.PodPhase, grace int64) func(*corev1.Pod) {
		return func(p *corev1.Pod) {
			p.Status.Phase, p.DeletionTimestamp, p.DeletionGracePeriodSeconds = phase, ptr.To(metav1.Now()), &grace
		}
	}
	for name, c := range map[string]struct {
		p     *corev1.Pod
		in    run
		to    stage
		after time.Duration
	}{
		"a bound pod starts": {pod(nil), run{}, starting, 0},
		"a pod that runs already goes on": {pod(func(p *corev1.Pod) { p.Status.Phase = corev1.PodRunning }),
			run{}, running, 0},
		"a starting pod runs": {pod(nil), run{stage: starting}, running, 3 * time.Second},
		"init containers take their time": {pod(func(p *corev1.Pod) {
			p.Spec.InitContainers = make([]corev1.Container,
				2)
		}), run{stage: starting}, running, 7 * time.Second},
		"a first failed pull is tried again": {pod(nil), run{stage: pulling, pulls: 1}, starting,
			10 * time.Second},
		"later ones wait longer": {pod(nil), run{stage: pulling, pulls: 3}, starting,
			40 * time.Second},
		"but not for ever": {pod(nil), run{stage: pulling, pulls: 99}, starting,
			5 * time.Minute},
		"a running pod runs on": {pod(nil), run{stage: running}, running, 0},
		"a Job's pod finishes":  {pod(ofJob), run{stage: running}, finished, 10 * time.Second},
		"a pod that is over stays so": {pod(func(p *corev1.Pod) { p.Status.Phase = corev1.PodFailed }),
			run{stage: running}, finished, 0},
		"a pod that shall end stops": {pod(ending(corev1.PodRunning, 30)), run{stage: running}, stopping,
			0},
		"stopping takes its time": {pod(ending(corev1.PodRunning, 30)), run{stage: stopping}, stopping,
			2 * time.Second},
		"no longer than the grace period": {pod(ending(corev1.PodRunning, 1)), run{stage: stopping}, stopping,
			time.Second},
		"what never ran is gone at once": {pod(ending(corev1.PodPending, 30)), run{stage: stopping}, stopping,
			0},
		"what is over is gone at once": {pod(ending(corev1.PodSucceeded, 30)), run{stage: stopping},
			stopping, 0},
		"a starting pod that shall end starts no": {pod(ending(corev1.PodPending, 30)), run{stage: starting}, stopping,
			0},
	} {
		if to, after := next(c.p, c.in, timing); to != c.to || after != c.after {
			t.Errorf("%s: got stage %d after %s, want %d after %s", name, to, after, c.to, c.after)
		}
	}
}

// conditions are the status by type, as "True" or "False reason".
func conditions(l []corev1.PodCondition) map[corev1.PodConditionType]string {
	m := map[corev1.PodConditionType]string{}
	for _, c := range l {
		m[c.Type] = string(c.Status)
		if c.Reason != "" {
			m[c.Type] += " " + c.Reason
		}
	}
	return m
}

func TestStatusOfAPod(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	fail := CrashLoop("main")
	gated := pod(func(p *corev1.Pod) { p.Spec.ReadinessGates = []corev1.PodReadinessGate{{ConditionType: "gate"}} })
	for name, c := range map[string]struct {
		p     *corev1.Pod
		r     run
		f     *Failure
		phase corev1.PodPhase
		ready string
		state string
	}{
		"running": {pod(nil), run{stage: running, ip: "1.2.3.4"}, nil, corev1.PodRunning, "True", "running"},
		"crashing": {pod(nil), run{stage: running, ip: "1.2.3.4"}, &fail, corev1.PodRunning,
			"False ContainersNotReady", "CrashLoopBackOff"},
		"without an image": {pod(nil), run{stage: pulling, pull: errors.New("no such tag")}, nil, corev1.PodPending,
			"False ContainersNotReady", "ImagePullBackOff"},
		"finished": {pod(nil), run{stage: finished}, nil, corev1.PodSucceeded, "False PodCompleted",
			"Completed"},
		"behind its gate": {gated, run{stage: running, ip: "1.2.3.4"}, nil, corev1.PodRunning,
			"False ReadinessGatesNotReady", "running"},
		"another container": {pod(nil), run{stage: running}, &Failure{Container: "x"}, corev1.PodRunning, "True",
			"running"},
	} {
		s := statusOf(c.p, c.r, c.f, "10.0.0.1", now)
		state := "running"
		if x := s.ContainerStatuses[0].State; x.Waiting != nil {
			state = x.Waiting.Reason
		} else if x.Terminated != nil {
			state = x.Terminated.Reason
		}
		if got := conditions(s.Conditions)[corev1.PodReady]; s.Phase != c.phase || got != c.ready || state != c.state {
			t.Errorf("%s: got %s, Ready=%s, container %s; want %s, Ready=%s, container %s", name, s.Phase, got, state,
				c.phase, c.ready, c.state)
		}
	}
}

func TestStatusKeepsWhatOthersSaid(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p := pod(nil)
	p.Status = statusOf(p, run{stage: running, ip: "1.2.3.4"}, nil, "10.0.0.1", now)
	p.Status.Conditions = append(p.Status.Conditions, corev1.PodCondition{Type: corev1.DisruptionTarget,
		Status: corev1.ConditionTrue})
	again := statusOf(p, run{stage: running, ip: "1.2.3.4"}, nil, "10.0.0.1", now.Add(time.Hour))
	if !sameStatus(p.Status, again) ||
		!p.Status.Conditions[0].LastTransitionTime.Equal(&again.Conditions[0].LastTransitionTime) {
		t.Errorf("an hour later nothing has changed: got %+v, want %+v", again, p.Status)
	}
	lost := *p.Status.DeepCopy()
	condition(lost.Conditions, corev1.PodReady).Status = corev1.ConditionFalse // the node controller thought so
	p.Status = lost
	if again = statusOf(p, run{stage: running, ip: "1.2.3.4"}, nil, "10.0.0.1", now); sameStatus(lost, again) ||
		conditions(again.Conditions)[corev1.PodReady] != "True" {
		t.Errorf("a lost pod that runs: got %v", conditions(again.Conditions))
	}
}

func TestInitContainersEndAndSidecarsRun(t *testing.T) {
	p := pod(func(p *corev1.Pod) {
		p.Spec.InitContainers = []corev1.Container{{Name: "init"},
			{Name: "side", RestartPolicy: ptr.To(corev1.ContainerRestartPolicyAlways)}}
	})
	s := statusOf(p, run{stage: running}, nil, "10.0.0.1", time.Time{})
	if a, b := s.InitContainerStatuses[0].State, s.InitContainerStatuses[1].State; a.Terminated == nil ||
		b.Running == nil {
		t.Errorf("got init %+v and sidecar %+v, want one terminated, one running", a, b)
	}
}

func TestNodeConditionsAreLevelBased(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	o := Node{Name: "n", IP: "10.0.0.1"}.object(now)
	if nodeReady(o) != corev1.ConditionFalse {
		t.Errorf("a new node: got Ready=%s, want False", nodeReady(o))
	}
	if !setConditions(o, nil, true, now) || nodeReady(o) != corev1.ConditionTrue || setConditions(o, nil, true, now) {
		t.Errorf("a ready node: got %v, want Ready=True, and no change the second time", o.Status.Conditions)
	}
	for i := range o.Status.Conditions {
		o.Status.Conditions[i].Status = corev1.ConditionUnknown // the node controller thought so
	}
	wrong := map[corev1.NodeConditionType]NodeCondition{corev1.NodeDiskPressure: {corev1.ConditionTrue,
		"KubeletHasDiskPressure", "kubelet has disk pressure"}}
	o.Status.Conditions = append(o.Status.Conditions, corev1.NodeCondition{Type: "Other", Status: corev1.ConditionTrue})
	if !setConditions(o, wrong, true, now) || nodeReady(o) != corev1.ConditionTrue || len(o.Status.Conditions) != 5 {
		t.Errorf("a node that was lost: got %v", o.Status.Conditions)
	}
}

func TestAContainerRestartsWithItsMachine(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	p := pod(nil)
	p.Status = statusOf(p, run{stage: running, ip: "1.2.3.4"}, nil, "10.0.0.1", now)
	booting := run{stage: starting, ip: "1.2.3.4", boots: 1, since: now.Add(time.Minute)}
	if !reports(p, booting) || reports(p, run{stage: starting}) {
		t.Error("a pod is reported while it starts again, and not while it starts first")
	}
	p.Status = statusOf(p, booting, nil, "10.0.0.1", booting.since)
	if c := p.Status.ContainerStatuses[0]; p.Status.Phase != corev1.PodRunning || c.Ready || c.State.Waiting == nil ||
		conditions(p.Status.Conditions)[corev1.PodReady] != "False ContainersNotReady" {
		t.Errorf("while it starts: got %+v, want Running, not ready, and a container that waits", p.Status)
	}
	up := booting
	up.stage, up.since = running, now.Add(2*time.Minute)
	p.Status = statusOf(p, up, nil, "10.0.0.1", up.since)
	c := p.Status.ContainerStatuses[0]
	if c.RestartCount != 1 || c.State.Running == nil || !c.State.Running.StartedAt.Time.Equal(up.since) ||
		conditions(p.Status.Conditions)[corev1.PodReady] != "True" {
		t.Errorf("when it is up: got %+v, want one restart, running since then, and a ready pod", c)
	}
	if l := c.LastTerminationState.Terminated; l == nil || l.ExitCode != 255 || l.Reason != "Unknown" {
		t.Errorf("the run before: got %+v, want exit code 255, Unknown", l)
	}
	if again := statusOf(p, up, nil, "10.0.0.1", now.Add(time.Hour)); !sameStatus(p.Status, again) {
		t.Errorf("an hour later nothing has changed: got %+v, want %+v", again, p.Status)
	}
}
