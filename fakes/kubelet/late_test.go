package kubelet

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/rehearse-dev/rehearse/fakes/fakekit/fakeclock"
)

// Each wait that is given up may have let site time move too early, and counts.
func TestAWaitThatIsGivenUpIsLate(t *testing.T) {
	for _, c := range []struct {
		name string
		wait func(t *testing.T, c *fakeclock.Clock)
		want []string
	}{
		{"a write that the watch never shows", unseenWrite, []string{"the watch of pods/ns/p"}},
		{"a workload that never settles", func(_ *testing.T, c *fakeclock.Clock) {
			(&settle{clock: c, unfinished: func() bool { return true }}).event()
		}, []string{"the workload to settle"}},
		{"a node that the controller never finds lost", func(t *testing.T, c *fakeclock.Clock) { silentNode(t.Context(), t, c) },
			[]string{"the node controller to find n lost"}},
		{"a cluster that ends meanwhile", func(t *testing.T, c *fakeclock.Clock) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			silentNode(ctx, t, c)
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel() // they wait in real time
			clock := fakeclock.New()
			c.wait(t, clock)
			clock.Settle()
			if got := clock.GivenUp(); !slices.Equal(got, c.want) {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func unseenWrite(t *testing.T, c *fakeclock.Clock) {
	s := api(t, http.StatusOK, `{"kind":"Pod","metadata":{"namespace":"ns","name":"p","resourceVersion":"7"}}`)
	r, err := http.NewRequest(http.MethodPut, s.URL+"/api/v1/namespaces/ns/pods/p", strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := newBarrier(c).WrapTransport(http.DefaultTransport).RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
}

// silentNode waits for the end of a node whose kubelet says nothing and whose condition stays Ready.
func silentNode(ctx context.Context, t *testing.T, c *fakeclock.Clock) {
	k := &Kubelets{cfg: Config{Clock: c}, ctx: ctx, nodes: cache.NewSharedIndexInformer(&cache.ListWatch{}, &corev1.Node{}, 0, nil)}
	n := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "n"}}
	n.Status.Conditions = []corev1.NodeCondition{{Type: corev1.NodeReady, Status: corev1.ConditionTrue}}
	if err := k.nodes.GetStore().Add(n); err != nil {
		t.Fatal(err)
	}
	k.awaitLost("n", 50*time.Millisecond)
}
