package kubelet

import (
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/rehearse-dev/rehearse/fakes/fakekit/fakeclock"
)

func TestALossIsOnSiteTime(t *testing.T) {
	clock := fakeclock.New()
	losses := NewLosses(clock)
	wall := metav1.NewTime(clock.Now().Add(-time.Hour).Truncate(time.Second))
	lost := func(wall metav1.Time) *corev1.Node {
		n := Node{Name: "n", IP: "10.0.0.1"}.object(wall.Time)
		n.UID = "u"
		for i := range n.Status.Conditions {
			c := &n.Status.Conditions[i]
			c.Status, c.Reason, c.LastTransitionTime = corev1.ConditionUnknown, "NodeStatusUnknown", wall
		}
		return n
	}
	ready := func(n *corev1.Node) corev1.NodeCondition { return n.Status.Conditions[len(n.Status.Conditions)-1] }

	at := clock.Now().Truncate(time.Second)
	n := lost(wall)
	if !losses.PutRight(n) || !ready(n).LastTransitionTime.Time.Equal(at) {
		t.Errorf("lost: got %v, want %v", ready(n).LastTransitionTime, at)
	}
	if beat := ready(n).LastHeartbeatTime; !beat.Equal(&wall) {
		t.Errorf("heartbeat: got %v, want that of before, %v", beat, wall)
	}
	clock.Advance(10 * time.Minute)
	if losses.PutRight(n) {
		t.Error("what has been put right was changed again")
	}
	if late := lost(wall); !losses.PutRight(late) || !ready(late).LastTransitionTime.Time.Equal(at) {
		t.Errorf("who sees it later: got %v, want %v", ready(late).LastTransitionTime, at)
	}
	again := lost(metav1.NewTime(wall.Add(time.Minute)))
	if losses.PutRight(again); !ready(again).LastTransitionTime.Time.Equal(at.Add(10 * time.Minute)) {
		t.Errorf("lost again: got %v, want %v", ready(again).LastTransitionTime, at.Add(10*time.Minute))
	}
	if of := (Node{Name: "n"}).object(wall.Time); losses.PutRight(of) {
		t.Error("what a kubelet has said was changed")
	}
}
