package kubelet

import (
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rehearse-dev/rehearse/fakes/fakekit"
)

// Losses knows when nodes were lost, in site time. The node controller finds a node lost in real time and stamps the
// conditions with that; whoever compares the stamp with site time, as a MachineHealthCheck does, would find the node lost
// for as long as site time is ahead. All methods may be called from any goroutine.
type Losses struct {
	clock fakekit.Clock

	mu sync.Mutex
	at map[loss]time.Time // site time; what it was put right to is a key, too
}

// loss is a node with what the node controller, or Losses, wrote as the time of its loss.
type loss struct {
	node types.UID
	said int64
}

// NewLosses makes the Losses of any number of clusters.
func NewLosses(c fakekit.Clock) *Losses {
	return &Losses{clock: c, at: map[loss]time.Time{}}
}

// PutRight makes lastTransitionTime of what the node controller has said the site time at which it was first seen, and
// tells whether that was a change. It leaves lastHeartbeatTime alone: a new one is a sign of life to the node controller
// (k8s.io/kubernetes@v1.35.4 pkg/controller/nodelifecycle/node_lifecycle_controller.go tryUpdateNodeHealth).
func (l *Losses) PutRight(n *corev1.Node) (changed bool) {
	for i := range n.Status.Conditions {
		c := &n.Status.Conditions[i]
		if c.Status != corev1.ConditionUnknown || !strings.HasPrefix(c.Reason, "NodeStatus") {
			continue // not the node controller's: NodeStatusUnknown, NodeStatusNeverUpdated
		}
		at := l.of(loss{n.UID, c.LastTransitionTime.Unix()})
		if at.Unix() != c.LastTransitionTime.Unix() {
			c.LastTransitionTime, changed = metav1.NewTime(at), true
		}
	}
	return changed
}

func (l *Losses) of(x loss) time.Time {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, known := l.at[x]
	if !known {
		at = l.clock.Now().Truncate(time.Second) // as precise as the API
		l.at[x], l.at[loss{x.node, at.Unix()}] = at, at
	}
	return at
}
