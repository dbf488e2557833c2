package sim

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"github.com/rehearse-dev/rehearse/fakes/configpool"
	"github.com/rehearse-dev/rehearse/fakes/vcenter"
	"github.com/rehearse-dev/rehearse/sim/kube"
)

// Plan is a world whose manifests were read and checked. Nothing runs yet, so a fault in the input costs nothing.
type Plan struct {
	World    World
	Warnings []string // what the twin does not model, with file and line
	Seed     uint64

	clusters  []*clusterPlan
	durations Durations
	places    []vcenter.Place
	user      *url.Userinfo
	scheme    *runtime.Scheme // the kinds that a twin's API servers know
	made      []bool          // which of the world's changes found their manifest
}

// clusterPlan is one workload cluster of a Plan.
type clusterPlan struct {
	Cluster
	manifests []Manifest // for the management cluster, namespaces first
	workload  []Manifest // for the workload cluster, from the folder "workload"
	cluster   Manifest   // the Cluster
	infra     Manifest   // its VSphereCluster
}

// modelled are the kinds that a twin serves on its management cluster. Others are left out, with a warning.
var modelled = []string{"Cluster", "ClusterResourceSet", "ConfigMap", "KubeadmConfigTemplate", "KubeadmControlPlane", "MachineDeployment",
	"MachineDrainRule", "MachineHealthCheck", "Namespace", "Secret", "VSphereCluster", "VSphereClusterIdentity", "VSphereMachineConfigPool", "VSphereMachineTemplate"}

// Load reads the manifests of a world. Errors are InputErrors where a file is to blame.
func Load(w World, seed uint64) (*Plan, error) {
	p := &Plan{World: w, Seed: seed, made: make([]bool, len(w.Changes))}
	var err error
	if p.scheme, err = kube.NewScheme(); err != nil {
		return nil, err
	}
	if p.durations, err = NewDurations(w.Timing, seed); err != nil {
		return nil, &InputError{"", err}
	}
	names := map[string]bool{}
	for _, c := range w.Clusters {
		if names[c.Name] {
			return nil, &InputError{c.Manifests, fmt.Errorf("cluster %q is in the world twice", c.Name)}
		}
		names[c.Name] = true
		if c.Etcd != "" && c.Etcd != EtcdModel {
			return nil, &InputError{c.Manifests, fmt.Errorf("cluster %q: etcd: got %q, want %q", c.Name, c.Etcd, EtcdModel)}
		}
		if err := p.loadCluster(c); err != nil {
			return nil, err
		}
	}
	return p, p.unmade()
}

func (p *Plan) loadCluster(c Cluster) error {
	all, err := p.read(c.Manifests, c.Except)
	if err != nil {
		return err
	}
	cp := &clusterPlan{Cluster: c}
	for _, m := range all {
		if !slices.Contains(modelled, m.Object.GetKind()) {
			p.Warnings = append(p.Warnings, fmt.Sprintf("%s: %s is not modelled and was left out", m.Where(), m))
			continue
		}
		warnings, _ := misjudge(m, false)
		p.Warnings = append(p.Warnings, warnings...)
		if _, err := kubeconfigOf(m.Object); err != nil {
			return &InputError{m.Where(), fmt.Errorf("%s: %w", m, err)}
		}
		cp.manifests = append(cp.manifests, m)
	}
	slices.SortStableFunc(cp.manifests, func(a, b Manifest) int { return rank(a) - rank(b) })
	if err := cp.resolve(); err != nil {
		return err
	}
	inside := filepath.Join(c.Manifests, "workload")
	if _, err := os.Stat(inside); err == nil {
		if cp.workload, err = p.read(inside, ""); err != nil {
			return err
		}
		for _, m := range cp.workload {
			warnings, _ := misjudge(m, false)
			p.Warnings = append(p.Warnings, warnings...)
		}
	}
	if err := p.addVCenter(cp); err != nil {
		return err
	}
	p.clusters = append(p.clusters, cp)
	return nil
}

// first are the kinds that others refer to, in the order in which they are applied; the rest follows as it stands.
var first = []string{"Namespace", "Secret", "ConfigMap", "VSphereMachineConfigPool", "VSphereMachineTemplate"}

func rank(m Manifest) int {
	if i := slices.Index(first, m.Object.GetKind()); i >= 0 {
		return i
	}
	return len(first)
}

// resolve finds the Cluster and what it refers to.
func (c *clusterPlan) resolve() error {
	var ok bool
	if c.cluster, ok = c.find("Cluster", c.Name); !ok {
		return &InputError{c.Manifests, fmt.Errorf("got no Cluster %q among the manifests", c.Name)}
	}
	if got := c.cluster.str("spec", "infrastructureRef", "kind"); got != "VSphereCluster" {
		return &InputError{c.cluster.Where(), fmt.Errorf("Cluster %s: infrastructureRef.kind: got %q, want VSphereCluster", c.Name, got)}
	}
	for _, ref := range []string{"infrastructureRef", "controlPlaneRef"} {
		kind, name := c.cluster.str("spec", ref, "kind"), c.cluster.str("spec", ref, "name")
		m, ok := c.find(kind, name)
		if !ok {
			return &InputError{c.cluster.Where(), fmt.Errorf("Cluster %s: %s: got no %s %q among the manifests", c.Name, ref, kind, name)}
		}
		if ref == "infrastructureRef" {
			c.infra = m
		}
	}
	return nil
}

func (c *clusterPlan) find(kind, name string) (Manifest, bool) {
	i := slices.IndexFunc(c.manifests, func(m Manifest) bool { return m.Object.GetKind() == kind && m.Object.GetName() == name })
	if i < 0 {
		return Manifest{}, false
	}
	return c.manifests[i], true
}

// addVCenter collects what the cluster needs of vCenter: places, templates, the account.
func (p *Plan) addVCenter(c *clusterPlan) error {
	for _, m := range c.manifests {
		if m.Object.GetKind() == "VSphereMachineConfigPool" {
			p.places = append(p.places, poolPlaces(m)...)
		}
		if m.Object.GetKind() != "VSphereMachineTemplate" {
			continue
		}
		if pool := configpool.PoolOf(m.Object).Name; pool != "" {
			if _, ok := c.find("VSphereMachineConfigPool", pool); !ok {
				return &InputError{m.Where(), fmt.Errorf("%s: machineConfigPoolRef: got no VSphereMachineConfigPool %q among the manifests", m, pool)}
			}
		}
		spec := func(f string) string { return m.str("spec", "template", "spec", f) }
		place := vcenter.Place{Datacenter: spec("datacenter"), Folder: spec("folder"), ResourcePool: spec("resourcePool"), Datastore: spec("datastore")}
		devices, _, _ := unstructured.NestedSlice(m.Object.Object, "spec", "template", "spec", "network", "devices")
		for _, d := range devices {
			if d, ok := d.(map[string]any); ok {
				name, _ := d["networkName"].(string)
				place.Networks = append(place.Networks, name)
			}
		}
		p.places = append(p.places, place)
		if t := spec("template"); !slices.ContainsFunc(p.World.Templates, func(x Template) bool { return x.Name == t }) {
			return &InputError{m.Where(), fmt.Errorf("%s: got VM template %q, want one of the world's vcenter: %s", m, t, p.templates())}
		}
	}
	user, err := c.account()
	if err != nil {
		return err
	}
	if p.user != nil && p.user.String() != user.String() {
		return &InputError{c.infra.Where(), errors.New("the clusters use different vCenter accounts, want one")}
	}
	p.user = user
	return nil
}

// poolPlaces is what the slots of a machine config pool need of vCenter.
func poolPlaces(m Manifest) []vcenter.Place {
	var l []vcenter.Place
	configs, _, _ := unstructured.NestedSlice(m.Object.Object, "spec", "configs")
	for _, c := range configs {
		c, _ := c.(map[string]any)
		place := vcenter.Place{Datacenter: m.str("spec", "datacenter")}
		if dc, _, _ := unstructured.NestedString(c, "datacenter"); dc != "" {
			place.Datacenter = dc
		}
		primary, _, _ := unstructured.NestedMap(c, "network", "primary")
		more, _, _ := unstructured.NestedSlice(c, "network", "additional")
		for _, d := range append([]any{primary}, more...) {
			if d, ok := d.(map[string]any); ok && d["networkName"] != nil {
				place.Networks = append(place.Networks, fmt.Sprint(d["networkName"]))
			}
		}
		l = append(l, place)
		disks, _, _ := unstructured.NestedSlice(c, "persistentDisks")
		for _, d := range disks {
			if d, ok := d.(map[string]any); ok && d["datastore"] != nil {
				l = append(l, vcenter.Place{Datacenter: place.Datacenter, Datastore: fmt.Sprint(d["datastore"])})
			}
		}
	}
	return l
}

func (p *Plan) templates() string {
	var l []string
	for _, t := range p.World.Templates {
		l = append(l, t.Name)
	}
	return strings.Join(l, ", ")
}

// account reads the credentials that VSphereCluster.spec.identityRef leads to.
func (c *clusterPlan) account() (*url.Userinfo, error) {
	kind, name := c.infra.str("spec", "identityRef", "kind"), c.infra.str("spec", "identityRef", "name")
	if kind == "VSphereClusterIdentity" {
		id, ok := c.find(kind, name)
		if !ok {
			return nil, &InputError{c.infra.Where(), fmt.Errorf("identityRef: got no VSphereClusterIdentity %q among the manifests", name)}
		}
		name = id.str("spec", "secretName")
	}
	s, ok := c.find("Secret", name)
	if !ok {
		return nil, &InputError{c.infra.Where(), fmt.Errorf("identityRef: got no Secret %q among the manifests", name)}
	}
	user, password := s.secret("username"), s.secret("password")
	if user == "" || password == "" {
		return nil, &InputError{s.Where(), fmt.Errorf("%s: want the keys username and password", s)}
	}
	return url.UserPassword(user, password), nil
}

// Digests are the SHA-256 of every manifest file, by path, and of every change.
func (p *Plan) Digests() map[string]string {
	m := map[string]string{}
	for _, c := range p.clusters {
		for _, l := range [][]Manifest{c.manifests, c.workload} {
			for _, x := range l {
				m[x.File] = x.digest
			}
		}
	}
	for i, c := range p.World.Changes {
		m[fmt.Sprintf("change %d of %s %s", i+1, c.Kind, c.Name)] = fmt.Sprintf("%x", sha256.Sum256(c.Merge))
	}
	return m
}
