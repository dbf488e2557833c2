package kubelet

import (
	"errors"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/tools/cache"

	"github.com/google/go-cmp/cmp"
)

// kubelets has a machine with a pod whose image cannot be pulled.
func kubelets() *Kubelets {
	return &Kubelets{podIPs: 3, machines: map[string]*machine{"m-1": {Node: Node{Name: "m-1", IP: "10.0.0.1"}, kubelet: true, network: true, registered: true, ready: true,
		images: map[string]bool{"b": true, "a": true}}},
		runs:     map[podKey]*run{{cache.NewObjectName("shop", "web"), "uid"}: {stage: pulling, since: time.Unix(9, 0), boots: 1, pulls: 2, pull: errors.New("not found"), ip: "10.3.0.5"}},
		failures: map[cache.ObjectName]Failure{}}
}

func TestTheStateOfKubeletsIsWhatTheyRemember(t *testing.T) {
	got, err := kubelets().State()
	if err != nil {
		t.Fatal(err)
	}
	want := State{PodIPs: 3, Machines: []MachineState{{Node{Name: "m-1", IP: "10.0.0.1"}, []string{"a", "b"}}},
		Pods: []PodState{{Namespace: "shop", Name: "web", UID: "uid", Stage: int(pulling), Since: time.Unix(9, 0), Boots: 1, Pulls: 2, Pull: "not found", IP: "10.3.0.5"}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestKubeletsWithWhichSomethingIsWrongHaveNoState(t *testing.T) {
	for name, wrong := range map[string]func(*Kubelets){
		"a machine that is off":             func(k *Kubelets) { k.machines["m-1"].off = true },
		"a kubelet that is stopped":         func(k *Kubelets) { k.machines["m-1"].kubelet = false },
		"a node that nobody reaches":        func(k *Kubelets) { k.machines["m-1"].network = false },
		"a kubelet that has not registered": func(k *Kubelets) { k.machines["m-1"].registered = false },
		"a node that is not ready yet":      func(k *Kubelets) { k.machines["m-1"].ready = false },
		"a condition that is wrong": func(k *Kubelets) {
			k.machines["m-1"].wrong = map[corev1.NodeConditionType]NodeCondition{corev1.NodeDiskPressure: {}}
		},
		"a pod that was made to fail": func(k *Kubelets) { k.failures[cache.NewObjectName("shop", "web")] = Failure{} },
	} {
		k := kubelets()
		wrong(k)
		if _, err := k.State(); err == nil || !strings.Contains(err.Error(), "want") {
			t.Errorf("%s: got %v, want that it cannot be told", name, err)
		}
	}
}
