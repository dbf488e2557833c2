package kubelet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/cache"
)

// State is what the kubelets of a cluster know and its API server does not: plain data, sorted, for a twin that goes on
// in another process.
type State struct {
	Machines []MachineState
	Pods     []PodState
	PodIPs   int // how many addresses have been given
}

// MachineState is a machine whose node is Ready.
type MachineState struct {
	Node   Node
	Images []string // on its disk
}

// PodState is where a pod is in its life.
type PodState struct {
	Namespace, Name string
	UID             types.UID
	Stage           int
	Since           time.Time
	Boots, Pulls    int
	Pull            string // why the last pull failed
	IP              string
}

// State returns the kubelets' state. It is an error while anything is wrong with a machine or a pod: what a fault has
// done is not in it. The caller makes sure that nothing happens meanwhile.
func (k *Kubelets) State() (State, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	s := State{PodIPs: k.podIPs}
	if len(k.failures) > 0 {
		return s, errors.New("kubelets: got pods that were made to fail, want none")
	}
	for _, name := range slices.Sorted(maps.Keys(k.machines)) {
		m := k.machines[name]
		if !m.acts() || !m.ready || len(m.wrong) > 0 {
			return s, fmt.Errorf("kubelet %s: got a machine that is not up, registered and ready, want one", name)
		}
		s.Machines = append(s.Machines, MachineState{m.Node, slices.Sorted(maps.Keys(m.images))})
	}
	for key, r := range k.runs {
		p := PodState{Namespace: key.Namespace, Name: key.Name, UID: key.uid, Stage: int(r.stage), Since: r.since, Boots: r.boots, Pulls: r.pulls, IP: r.ip}
		if r.pull != nil {
			p.Pull = r.pull.Error()
		}
		s.Pods = append(s.Pods, p)
	}
	slices.SortFunc(s.Pods, func(a, b PodState) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name), cmp.Compare(a.UID, b.UID))
	})
	return s, nil
}

// Resume runs kubelets that are where State has left them, in a cluster whose API server has their nodes and pods. It
// renews the leases; otherwise it writes nothing, unless somebody else has changed what a kubelet owns.
func (k *Kubelets) Resume(ctx context.Context, s State) error {
	k.mu.Lock()
	k.podIPs = s.PodIPs
	for _, x := range s.Machines {
		m := &machine{Node: x.Node, kubelet: true, network: true, registered: true, ready: true, images: map[string]bool{},
			wrong: map[corev1.NodeConditionType]NodeCondition{}}
		for _, i := range x.Images {
			m.images[i] = true
		}
		k.machines[x.Node.Name] = m
		k.cfg.Network.join(x.Node.Name, x.Node.IP)
	}
	for _, p := range s.Pods {
		r := &run{stage: stage(p.Stage), since: p.Since, boots: p.Boots, pulls: p.Pulls, ip: p.IP}
		if p.Pull != "" {
			r.pull = errors.New(p.Pull)
		}
		k.runs[podKey{cache.NewObjectName(p.Namespace, p.Name), p.UID}] = r
	}
	k.mu.Unlock()
	if err := k.renewAll(ctx); err != nil {
		return fmt.Errorf("kubelets: leases: %w", err)
	}
	for _, x := range s.Machines {
		k.wakeNode(x.Node.Name)
		k.wakePodsOf(x.Node.Name)
	}
	return nil
}
