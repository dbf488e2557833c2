package sim

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/rehearse-dev/rehearse/fakes/configpool"
	"github.com/rehearse-dev/rehearse/fakes/kubeadm"
	"github.com/rehearse-dev/rehearse/fakes/kubelet"
	"github.com/rehearse-dev/rehearse/fakes/vcenter"
	"github.com/rehearse-dev/rehearse/sim/fault"
)

// This file is the operating system inside a VM. When the VM is powered on first, VMware Tools report an address,
// cloud-init reads the bootstrap data that CAPV put into guestinfo, kubeadm inits or joins (booting.go), and the kubelet
// registers its node. When it is powered on later, what kubeadm has left on its disk runs again.

// guest is the operating system of one machine whose first boot has come as far as kubeadm. It is there as long as its
// VM is.
type guest struct {
	vm           string // its name in vCenter
	uuid, ip     string
	controlPlane bool

	// Under the workload's lock.
	node kubelet.Node // what the kubelet runs as, by the name that guests are known under; Kubernetes is empty before
	on   bool
}

// know remembers a machine of the cluster by the name of its node.
func (w *workload) know(node string, g *guest) { w.mu.Lock(); defer w.mu.Unlock(); w.guests[node] = g }

// joined notes that kubeadm has set the kubelet of a machine up.
func (w *workload) joined(n kubelet.Node) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if g := w.guests[n.Name]; g != nil {
		g.node = n
	}
}

// guest finds a machine by its VM.
func (t *Twin) guest(vm string) (w *workload, node string, g *guest) {
	for _, w := range t.workloads {
		w.mu.Lock()
		for node, g := range w.guests {
			if g.vm == vm {
				w.mu.Unlock()
				return w, node, g
			}
		}
		w.mu.Unlock()
	}
	return nil, "", nil
}

// sameAddress is another machine that is on and has the address as well, "" for none: what is answered may go to that one.
func (t *Twin) sameAddress(vm, ip string) string {
	for _, w := range t.workloads {
		w.mu.Lock()
		for _, g := range w.guests {
			if g.vm != vm && g.ip == ip && g.on {
				w.mu.Unlock()
				return g.vm
			}
		}
		w.mu.Unlock()
	}
	return ""
}

// power is vCenter's word that a VM was powered on or off.
func (t *Twin) power(vm vcenter.VM, on bool) {
	if !on {
		t.powerOff(vm.Name)
		return
	}
	d := t.plan.durations
	ctx := t.beginBoot(vm.Name)
	w, node, g := t.guest(vm.Name)
	if g != nil {
		w.mu.Lock()
		g.on = true
		running := w.running
		w.mu.Unlock()
		if running {
			w.balancer.look()
		}
	}
	t.after(ctx, "guest "+vm.Name+" address", d.For("guest-address", vm.Name), func() {
		if g == nil && t.guestFaults.fails(fault.NoAddress, vm.Name) {
			return
		}
		ip := t.address(vm)
		if err := t.vcenter.SetIP(vm.Ref, ip); err != nil {
			return // the VM is gone
		}
		if g != nil {
			t.after(ctx, "guest "+vm.Name+" restart", d.For("guest-restart", vm.Name), func() { w.restart(ctx, node, g) })
			return
		}
		if t.guestFaults.fails(fault.BootHangs, vm.Name) {
			return
		}
		t.after(ctx, "guest "+vm.Name+" cloud-init", d.For("guest-boot", vm.Name), func() { t.cloudInit(ctx, vm, ip) })
	})
}

// address is the one that cloud-init was given for the first card, else the one that DHCP leases.
func (t *Twin) address(vm vcenter.VM) string {
	meta, err := t.vcenter.GuestInfo(vm.Ref, "metadata")
	if err == nil {
		if ip := fixedAddress(meta); ip != "" {
			return ip
		}
	}
	return t.addresses.lease(vm.Name)
}

// fixedAddress reads CAPV's metadata, "" when the first card is to ask DHCP
// (sigs.k8s.io/cluster-api-provider-vsphere@v1.16.1 pkg/util/constants.go).
func fixedAddress(metadata []byte) string {
	var m struct {
		Network struct {
			Ethernets map[string]struct {
				Addresses []string `json:"addresses"`
			} `json:"ethernets"`
		} `json:"network"`
	}
	if yaml.Unmarshal(metadata, &m) != nil {
		return ""
	}
	for _, a := range m.Network.Ethernets["id0"].Addresses {
		if ip, _, err := net.ParseCIDR(a); err == nil {
			return ip.String()
		}
	}
	return ""
}

// beginBoot returns what ends when the VM is powered off or removed: nothing that it has begun may go on then.
func (t *Twin) beginBoot(name string) context.Context {
	ctx, cancel := context.WithCancel(t.run)
	t.mu.Lock()
	defer t.mu.Unlock()
	if before := t.boots[name]; before != nil {
		before()
	}
	t.boots[name] = cancel
	return ctx
}

// after runs fn when d of site time has passed, unless ctx has ended by then.
func (t *Twin) after(ctx context.Context, what string, d time.Duration, fn func()) {
	t.clock.After(what, d, func() {
		if ctx.Err() == nil {
			fn()
		}
	})
}

func (t *Twin) powerOff(name string) {
	t.mu.Lock()
	end := t.boots[name]
	delete(t.boots, name)
	t.mu.Unlock()
	if end != nil {
		end()
	}
	if w, node, g := t.guest(name); g != nil {
		w.halt(node, g)
	}
}

// removed is vCenter's word that a VM is gone.
func (t *Twin) removed(vm vcenter.VM) {
	t.powerOff(vm.Name)
	t.addresses.release(vm.Name)
	w, node, _ := t.guest(vm.Name)
	if w == nil {
		return
	}
	w.mu.Lock()
	delete(w.guests, node)
	running := w.running
	w.mu.Unlock()
	if running {
		w.kubelets.Remove(node)
		w.cloud.Look()
		w.balancer.look()
	}
}

// halt ends what runs on a machine. The disk keeps everything.
func (w *workload) halt(node string, g *guest) {
	w.mu.Lock()
	g.on = false
	running := w.running // else its control plane has not started, and nothing is there to end
	w.mu.Unlock()
	if !running {
		return
	}
	w.kubelets.Off(node)
	if g.controlPlane {
		w.etcd.Stop(node)
	}
	w.cloud.Look()
	w.balancer.look()
}

// restart is every boot after the first: cloud-init has done its work and does not run kubeadm again, so a machine on
// which kubeadm was cut short or has failed stays without a node. etcd and the kubelet start as they were.
func (w *workload) restart(ctx context.Context, node string, g *guest) {
	w.mu.Lock()
	n := g.node
	w.mu.Unlock()
	if n.Kubernetes == "" {
		w.t.o.Log.Error(errors.New("kubeadm did not finish before the VM was switched off"), "boot", "vm", g.vm)
		return
	}
	if g.controlPlane {
		if err := w.etcd.Start(node); err != nil { // it was removed, or the cluster has left its version behind
			crash := kubelet.CrashLoop("etcd")
			_ = w.kubelets.Fail(ctx, metav1.NamespaceSystem, "etcd-"+node, &crash) // nobody reports it before the kubelet
		}
	}
	w.runAgain(ctx, n)
}

// runAgain starts the kubelet of a node that was there before; it asks for its API server until it is answered.
func (w *workload) runAgain(ctx context.Context, n kubelet.Node) {
	if w.kubelets.Run(ctx, n) != nil {
		w.t.after(ctx, "guest "+n.Name+" kubelet", kubeadmPause, func() { w.runAgain(ctx, n) })
	}
	if ctx.Err() != nil {
		w.kubelets.Off(n.Name) // the VM was switched off meanwhile
	}
}

// cloudInit runs once per machine. What fails here fails for good, as on a real machine: somebody has to replace it.
func (t *Twin) cloudInit(ctx context.Context, vm vcenter.VM, ip string) {
	w, b, err := t.readBootstrap(vm)
	if err != nil {
		t.o.Log.Error(err, "cloud-init", "vm", vm.Name)
		return
	}
	origin, ok := t.vcenter.Origin(vm.Ref)
	if !ok {
		t.o.Log.Error(errors.New("the VM was cloned from no template of the world"), "cloud-init", "vm", vm.Name)
		return
	}
	w.know(b.Node.Name, &guest{vm: vm.Name, uuid: vm.UUID, ip: ip, controlPlane: b.ControlPlane, on: true})
	m := &booting{ctx: ctx, w: w, b: b, vm: vm, ip: ip, kubernetes: origin.Kubernetes}
	key := "kubeadm-join"
	if b.Init {
		key = "kubeadm-init"
	}
	t.after(ctx, "guest "+vm.Name+" "+key, t.plan.durations.For(key, vm.Name), func() { m.begin(m.phases()) })
}

// readBootstrap reads what CAPV wrote into guestinfo, and finds the cluster that the machine belongs to by the address
// that it was told.
func (t *Twin) readBootstrap(vm vcenter.VM) (*workload, *kubeadm.Bootstrap, error) {
	meta, err := t.vcenter.GuestInfo(vm.Ref, "metadata")
	if err != nil {
		return nil, nil, err
	}
	var m struct {
		LocalHostname string `json:"local-hostname"`
	}
	if err := yaml.Unmarshal(meta, &m); err != nil {
		return nil, nil, fmt.Errorf("guestinfo.metadata: %w", err)
	}
	if m.LocalHostname == "" {
		m.LocalHostname = vm.Name
	}
	config, err := t.vcenter.ExtraConfig(vm.Ref)
	if err != nil {
		return nil, nil, err
	}
	if host := config[configpool.HostnameKey]; host != "" {
		m.LocalHostname = host
	}
	user, err := t.vcenter.GuestInfo(vm.Ref, "userdata")
	if err != nil {
		return nil, nil, err
	}
	b, err := kubeadm.Parse(user, m.LocalHostname)
	if err != nil {
		return nil, nil, err
	}
	for _, w := range t.workloads {
		if w.endpoint.addr.String() == strings.TrimPrefix(b.Endpoint, "https://") {
			return w, b, nil
		}
	}
	return nil, nil, fmt.Errorf("no cluster has the endpoint %q", b.Endpoint)
}
