package cpi_test

import (
	"context"
	"errors"
	goruntime "runtime"
	"slices"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/kubernetes/fake"
	clienttesting "k8s.io/client-go/testing"
	"k8s.io/utils/ptr"

	"github.com/rehearse-dev/rehearse/fakes/cpi"
	"github.com/rehearse-dev/rehearse/fakes/fakekit/fakeclock"
)

func node(name string) *corev1.Node {
	return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.NodeSpec{Taints: []corev1.Taint{
		{Key: cpi.Taint, Value: "true", Effect: corev1.TaintEffectNoSchedule},
		{Key: "node-role.kubernetes.io/control-plane", Effect: corev1.TaintEffectNoSchedule}}}}
}

func pod(phase corev1.PodPhase) *corev1.Pod {
	return &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system", Name: "ccm",
		OwnerReferences: []metav1.OwnerReference{
			{Kind: "DaemonSet", Name: cpi.DaemonSet, Controller: ptr.To(true)}}},
		Status: corev1.PodStatus{Phase: phase}}
}

func TestANodeIsInitialisedOnlyWhileAPodRuns(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	client := fake.NewClientset(node("a"), pod(corev1.PodPending))
	clock := fakeclock.New()
	_, err := cpi.Start(ctx, cpi.Config{Client: client, Clock: clock, Delay: 5 * time.Second,
		Instance: func(n string) (cpi.Instance, bool) {
			return cpi.Instance{UUID: "42", IP: "10.0.0.1"}, n == "a"
		}})
	if err != nil {
		t.Fatal(err)
	}
	get := func() *corev1.Node {
		n, err := client.CoreV1().Nodes().Get(ctx, "a", metav1.GetOptions{})
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	clock.Advance(time.Hour)
	if w := clock.Waiting(); len(w) != 0 {
		t.Errorf("no pod runs: got timers %v, want none", w)
	}
	if got := get().Spec.ProviderID; got != "" {
		t.Fatalf("no pod runs: got providerID %q, want none", got)
	}
	if _, err := client.CoreV1().Pods("kube-system").Update(ctx, pod(corev1.PodRunning),
		metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); len(clock.Waiting()) == 0; { // the watch brings the news
		if time.Now().After(deadline) {
			t.Fatal("the pod runs and nobody cares")
		}
		goruntime.Gosched()
	}
	clock.Advance(4 * time.Second)
	if got := get().Spec.ProviderID; got != "" {
		t.Errorf("before the delay: got providerID %q, want none", got)
	}
	clock.Advance(time.Second)
	n := get()
	if got, want := n.Spec.ProviderID, "vsphere://42"; got != want {
		t.Errorf("providerID: got %q, want %q", got, want)
	}
	if keys := len(n.Spec.Taints); keys != 1 || n.Spec.Taints[0].Key != "node-role.kubernetes.io/control-plane" {
		t.Errorf("taints: got %v, want only the control plane's", n.Spec.Taints)
	}
	if !slices.ContainsFunc(n.Status.Addresses, func(a corev1.NodeAddress) bool { return a.Address == "10.0.0.1" }) {
		t.Errorf("addresses: got %v, want 10.0.0.1 among them", n.Status.Addresses)
	}
}

func TestANodeWithoutAVMIsTriedAgain(t *testing.T) {
	client := fake.NewClientset(node("a"), pod(corev1.PodRunning))
	clock := fakeclock.New()
	known := false
	_, err := cpi.Start(t.Context(), cpi.Config{Client: client, Clock: clock, Delay: 5 * time.Second,
		Instance: func(string) (cpi.Instance, bool) {
			return cpi.Instance{UUID: "42", IP: "10.0.0.1"}, known
		}})
	if err != nil {
		t.Fatal(err)
	}
	for deadline := time.Now().Add(10 * time.Second); len(clock.Waiting()) == 0 && time.Now().Before(deadline); {
		goruntime.Gosched()
	}
	clock.Advance(20 * time.Second)
	known = true
	clock.Advance(5 * time.Second)
	n, err := client.CoreV1().Nodes().Get(t.Context(), "a", metav1.GetOptions{})
	if err != nil || n.Spec.ProviderID != "vsphere://42" {
		t.Errorf("got %q, %v, want vsphere://42", n.Spec.ProviderID, err)
	}
}

func TestANodeWhoseVMIsGoneIsDeletedOnceItIsNotReady(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	n := node("a")
	n.Spec.Taints, n.Spec.ProviderID = nil, "vsphere://42"
	n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	client := fake.NewClientset(n, pod(corev1.PodRunning))
	clock := fakeclock.New()
	_, err := cpi.Start(ctx, cpi.Config{Client: client, Clock: clock, Delay: 5 * time.Second,
		Instance: func(string) (cpi.Instance, bool) { return cpi.Instance{}, false }})
	if err != nil {
		t.Fatal(err)
	}
	exists := func() bool {
		_, err := client.CoreV1().Nodes().Get(ctx, "a", metav1.GetOptions{})
		return err == nil
	}
	clock.Advance(time.Minute)
	if !exists() {
		t.Fatal("the node was deleted while it was Ready")
	}
	n.Status.Conditions[0].Status = corev1.ConditionUnknown
	if _, err := client.CoreV1().Nodes().UpdateStatus(ctx, n, metav1.UpdateOptions{}); err != nil {
		t.Fatal(err)
	}
	for len(clock.Waiting()) == 0 { // until the watch has told the manager
		goruntime.Gosched()
	}
	clock.Advance(5 * time.Second)
	if exists() {
		t.Error("the node is still there, want it deleted: its VM is gone")
	}
}

// A kubelet that writes its status at the same moment costs the node no time.
func TestANodeThatSomebodyElseChangesIsInitialisedAllTheSame(t *testing.T) {
	client := fake.NewClientset(node("a"), pod(corev1.PodRunning))
	refused := 0
	client.PrependReactor("update", "nodes", func(a clienttesting.Action) (bool, runtime.Object, error) {
		if refused == 3 || a.GetSubresource() != "" {
			return false, nil, nil
		}
		refused++
		return true, nil, apierrors.NewConflict(schema.GroupResource{Resource: "nodes"}, "a", errors.New("the object has been modified"))
	})
	clock := fakeclock.New()
	_, err := cpi.Start(t.Context(), cpi.Config{Client: client, Clock: clock, Delay: 5 * time.Second,
		Instance: func(string) (cpi.Instance, bool) { return cpi.Instance{UUID: "42", IP: "10.0.0.1"}, true }})
	if err != nil {
		t.Fatal(err)
	}
	waiting(t, clock, "new node")
	clock.Advance(5 * time.Second)
	n, err := client.CoreV1().Nodes().Get(t.Context(), "a", metav1.GetOptions{})
	if err != nil || n.Spec.ProviderID != "vsphere://42" || refused != 3 {
		t.Errorf("got providerID %q, %v after %d conflicts, want vsphere://42 after 3", n.Spec.ProviderID, err, refused)
	}
}

// The pods remember the older VM after it is gone, and a pod that is started again does not.
func TestANodeWhoseHostnameIsTakenWaitsForThePodsToBeStartedAgain(t *testing.T) {
	ctx := t.Context()
	n, first := node("a"), pod(corev1.PodRunning)
	n.UID, first.UID = "node", "first"
	client := fake.NewClientset(n, first)
	clock := fakeclock.New()
	taken := true
	m, err := cpi.Start(ctx, cpi.Config{Client: client, Clock: clock, Delay: 5 * time.Second,
		Instance: func(string) (cpi.Instance, bool) { return cpi.Instance{UUID: "42", IP: "10.0.0.1"}, true },
		Namesake: func(string) bool { return taken }})
	if err != nil {
		t.Fatal(err)
	}
	want := func(why, providerID string) {
		t.Helper()
		waiting(t, clock, why)
		clock.Advance(5 * time.Second)
		n, err := client.CoreV1().Nodes().Get(ctx, "a", metav1.GetOptions{})
		if err != nil || n.Spec.ProviderID != providerID {
			t.Fatalf("%s: got providerID %q, %v, want %q", why, n.Spec.ProviderID, err, providerID)
		}
	}
	want("the hostname is taken", "")
	m.Look()
	want("it is still taken", "")
	taken = false
	m.Look()
	want("it is free and remembered", "")
	pods := client.CoreV1().Pods("kube-system")
	if err := pods.Delete(ctx, first.Name, metav1.DeleteOptions{}); err != nil {
		t.Fatal(err)
	}
	second := pod(corev1.PodRunning)
	second.Name, second.UID = "ccm-2", "second"
	if _, err := pods.Create(ctx, second, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	want("the pod was started again", "vsphere://42")
}

// waiting returns when the watch has told the manager and it has set a timer.
func waiting(t *testing.T, clock *fakeclock.Clock, why string) {
	t.Helper()
	for deadline := time.Now().Add(10 * time.Second); len(clock.Waiting()) == 0; goruntime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatalf("%s: the manager does not look", why)
		}
	}
}

func TestANodeWhoseVMIsOffStaysUntilTheVMIsGone(t *testing.T) {
	ctx := t.Context()
	n := node("a")
	n.Spec.Taints, n.Spec.ProviderID = nil, "vsphere://42"
	n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionUnknown}}
	client := fake.NewClientset(n, pod(corev1.PodRunning))
	clock := fakeclock.New()
	there := true
	m, err := cpi.Start(ctx, cpi.Config{Client: client, Clock: clock, Delay: 5 * time.Second,
		Instance: func(string) (cpi.Instance, bool) { return cpi.Instance{UUID: "42", Off: true}, there }})
	if err != nil {
		t.Fatal(err)
	}
	want := func(why string, keys ...string) *corev1.Node {
		t.Helper()
		n, err := client.CoreV1().Nodes().Get(ctx, "a", metav1.GetOptions{})
		if err != nil {
			t.Fatalf("%s: %v", why, err)
		}
		var got []string
		for _, x := range n.Spec.Taints {
			got = append(got, x.Key)
		}
		if !slices.Equal(got, keys) {
			t.Errorf("%s: got taints %q, want %q", why, got, keys)
		}
		return n
	}
	report := func(s corev1.ConditionStatus, n *corev1.Node) {
		t.Helper()
		clock.Advance(time.Minute) // nothing of before is left to do
		n.Status.Conditions[0].Status = s
		if _, err := client.CoreV1().Nodes().UpdateStatus(ctx, n, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
		waiting(t, clock, string(s))
		clock.Advance(5 * time.Second)
	}
	waiting(t, clock, "not ready")
	clock.Advance(5 * time.Second)
	n = want("off", "node.cloudprovider.kubernetes.io/shutdown")
	report(corev1.ConditionTrue, n)
	n = want("on and ready again")
	report(corev1.ConditionUnknown, n)
	want("off again", "node.cloudprovider.kubernetes.io/shutdown")
	clock.Advance(time.Minute)
	there = false
	m.Look()
	clock.Advance(5 * time.Second)
	if _, err := client.CoreV1().Nodes().Get(ctx, "a", metav1.GetOptions{}); err == nil {
		t.Error("the node is still there, want it deleted: its VM is gone")
	}
}
