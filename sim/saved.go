package sim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/vmware/govmomi/vim25/types"
	"sigs.k8s.io/cluster-api/util/secret"

	"github.com/rehearse-dev/rehearse/fakes/etcd"
	"github.com/rehearse-dev/rehearse/fakes/kubelet"
	"github.com/rehearse-dev/rehearse/fakes/vcenter"
	"github.com/rehearse-dev/rehearse/sim/kube"
)

// saved is what a twin at rest knows beside what its API servers have stored: plain data. Whoever gives a part of the
// twin a memory of its own that outlives a moment adds it here and to restore.go; the test that compares a restored twin
// with a booted one says what was forgotten.
type saved struct {
	Site      time.Time // nothing that is stored is from later
	Notes     []string
	Ports     ports
	Webhooks  keyPair // the CA that the definitions trust
	Addresses map[string]string
	Leased    int       // how many addresses were ever given
	VMs       []savedVM // in the order of their making
	Clusters  []savedCluster
	Files     map[string]int64 // sizes of etcd's files; their zeros at the end are not kept
}

type keyPair struct{ Certificate, Key []byte }

// savedVM is a VM with the reference that vCenter gave it: objects name it.
type savedVM struct {
	Spec  vcenter.VMSpec
	Ref   string
	Disks []vcenter.Disk // of its slot in a machine config pool
}

// savedCluster is what a workload knows.
type savedCluster struct {
	Certificates map[secret.Purpose]keyPair
	Peers        []etcd.Peer // in the order of joining
	Members      []etcd.Member
	Guests       map[string]savedGuest // by node
	Kubelets     kubelet.State
	Created      int
}

type savedGuest struct {
	VM, UUID, IP string
	ControlPlane bool
	Node         kubelet.Node
}

const (
	savedState = "twin.json"
	savedEtcd  = "etcd"
)

// save ends the twin and writes what it was into a directory.
func (t *Twin) save(ctx context.Context, dir string) error {
	if err := t.rest(ctx); err != nil {
		return err
	}
	s, err := t.state()
	if err != nil {
		return err
	}
	t.end()
	if err := t.Err(); err != nil {
		return err
	}
	if err := t.etcd.Clean(); err != nil { // else its log has what its database has not
		return err
	}
	if s.Files, err = keepFiles(kube.EtcdData(t.etcdDir()), filepath.Join(dir, savedEtcd)); err != nil {
		return err
	}
	b, err := json.MarshalIndent(s, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, savedState), b, 0o600)
}

// state is what save writes. The twin is at rest.
func (t *Twin) state() (s saved, err error) {
	s = saved{Notes: t.Notes(), Webhooks: keyPair{t.webhookCA.PEM, t.webhookCA.Key}, VMs: slices.Clone(t.vms)}
	if s.Ports, err = t.ports(); err != nil {
		return s, err
	}
	for i, v := range s.VMs { // the provider has configured them meanwhile
		ref := types.ManagedObjectReference{Type: "VirtualMachine", Value: v.Ref}
		if s.VMs[i].Spec.ExtraConfig, err = t.vcenter.ExtraConfig(ref); err != nil {
			return s, err
		}
		if s.VMs[i].Disks, err = t.vcenter.Disks(ref); err != nil {
			return s, err
		}
	}
	s.Addresses, s.Leased = t.addresses.all()
	for _, w := range t.workloads {
		c, err := w.state()
		if err != nil {
			return s, fmt.Errorf("cluster %s: %w", w.name, err)
		}
		s.Clusters = append(s.Clusters, c)
	}
	s.Site = t.clock.Latest()
	return s, nil
}

func (w *workload) state() (s savedCluster, err error) {
	s = savedCluster{Certificates: map[secret.Purpose]keyPair{}, Peers: w.etcd.Peers(), Members: w.etcd.Members(), Guests: map[string]savedGuest{}, Created: w.created}
	for _, c := range w.certs {
		s.Certificates[c.Purpose] = keyPair{c.KeyPair.Cert, c.KeyPair.Key}
	}
	if s.Kubelets, err = w.kubelets.State(); err != nil {
		return s, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, g := range w.guests {
		if !g.on {
			return s, fmt.Errorf("VM %s is off", g.vm)
		}
		s.Guests[name] = savedGuest{g.vm, g.uuid, g.ip, g.controlPlane, g.node}
	}
	return s, nil
}

// keepFiles copies a tree of files without the zeros at their ends, and returns their sizes by path.
func keepFiles(from, to string) (map[string]int64, error) {
	files, err := readFiles(from)
	if err != nil {
		return nil, err
	}
	sizes := map[string]int64{}
	for name, b := range files {
		sizes[name] = int64(len(b))
		b = bytes.TrimRight(b, "\x00")
		if err := writeFile(filepath.Join(to, filepath.FromSlash(name)), b, int64(len(b))); err != nil {
			return nil, err
		}
	}
	return sizes, nil
}

// writeFile writes a file of a size: b, and then zeros, which take no room on the disk.
func writeFile(path string, b []byte, size int64) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		return err
	}
	return os.Truncate(path, size)
}
