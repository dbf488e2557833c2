package rehearsal

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"k8s.io/client-go/rest"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/sim"
	"github.com/rehearse-dev/rehearse/sim/clock"
	"github.com/rehearse-dev/rehearse/sim/kube"
)

// Up is a world that was read and checked, to be kept running for people and their tools.
type Up struct {
	world *dsl.World
	plan  *sim.Plan
}

// LoadUp reads a world. Its errors are the user's to mend.
func LoadUp(world string, seed uint64) (*Up, error) {
	w, p, err := loadWorld(world, seed)
	if err != nil {
		return nil, err
	}
	return &Up{w, p}, nil
}

const siteFile = "site.json"

// SiteFile is DIR/site.json: how to reach a running twin. It holds credentials; the file is its owner's alone.
type SiteFile struct {
	SchemaVersion int           `json:"schemaVersion"` // 1
	World         string        `json:"world"`
	PID           int           `json:"pid"` // of the process that the twin ends with
	Clusters      []SiteCluster `json:"clusters"`
	VCenter       SiteVCenter   `json:"vcenter"`
	Registry      string        `json:"registry"` // base URL
	dir           string
}

// SiteCluster is one cluster: role management or workload.
type SiteCluster struct {
	Name       string `json:"name"`
	Role       string `json:"role"`
	Kubeconfig string `json:"kubeconfig"` // absolute path
	Server     string `json:"server"`
}

// SiteVCenter is the vSphere endpoint. Its certificate is self-signed.
type SiteVCenter struct {
	URL      string `json:"url"`
	Username string `json:"username"`
	Password string `json:"password"`
	Insecure bool   `json:"insecure"`
}

// Start boots the twin and writes DIR/site.json when it is ready. The caller removes the file and closes the twin.
func (u *Up) Start(ctx context.Context, dir string, provision bool, pace clock.Pace, s Surroundings) (*sim.Twin, *SiteFile, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, nil, err
	}
	if err := os.Remove(filepath.Join(dir, siteFile)); err != nil && !os.IsNotExist(err) {
		return nil, nil, err // of a twin that was killed; whoever waits for ours must not find it
	}
	t, err := u.plan.Start(ctx, sim.Options{Dir: filepath.Join(dir, "twin"), Binaries: s.Binaries, Provision: provision, Pace: clock.Hold, Log: s.Log, Progress: s.Boot})
	if err != nil {
		return nil, nil, err
	}
	f, err := u.write(ctx, t, dir)
	if err != nil {
		t.Close()
		return nil, nil, err
	}
	t.Clock().SetPace(pace)
	return t, f, nil
}

func (u *Up) write(ctx context.Context, t *sim.Twin, dir string) (*SiteFile, error) {
	if err := os.Chmod(dir, 0o700); err != nil {
		return nil, err
	}
	vc := t.VCenter()
	password, _ := vc.User.Password()
	f := &SiteFile{SchemaVersion: 1, World: u.world.Name, PID: os.Getpid(), Registry: t.Registry().String(), dir: dir,
		VCenter: SiteVCenter{URL: fmt.Sprintf("%s://%s%s", vc.Scheme, vc.Host, vc.Path), Username: vc.User.Username(), Password: password, Insecure: true}}
	if err := f.add("global", "management", t.Management()); err != nil {
		return nil, err
	}
	for _, name := range t.ClusterNames() {
		cfg, err := t.Workload(ctx, name)
		if err != nil {
			return nil, err
		}
		if err := f.add(name, "workload", cfg); err != nil {
			return nil, err
		}
	}
	b, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return nil, err
	}
	// By rename: whoever waits for the file finds all of it.
	path := filepath.Join(dir, siteFile)
	if err := os.WriteFile(path+".tmp", append(b, '\n'), 0o600); err != nil {
		return nil, err
	}
	return f, os.Rename(path+".tmp", path)
}

// Remove removes the file and the kubeconfigs: they lead nowhere when the twin has ended.
func (f *SiteFile) Remove() {
	for _, c := range f.Clusters {
		_ = os.Remove(c.Kubeconfig) // what cannot be removed only misleads
	}
	_ = os.Remove(filepath.Join(f.dir, siteFile))
}

func (f *SiteFile) add(name, role string, cfg *rest.Config) error {
	path := filepath.Join(f.dir, name+".kubeconfig")
	if err := kube.WriteKubeconfig(path, name, kube.Namespace, cfg); err != nil {
		return err
	}
	f.Clusters = append(f.Clusters, SiteCluster{Name: name, Role: role, Kubeconfig: path, Server: cfg.Host})
	return nil
}

// Text says how to use the usual tools with the twin.
func (f *SiteFile) Text() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the twin of %s is ready; Ctrl-C ends it\n\n", f.World)
	fmt.Fprintf(&b, "site      %s\n", filepath.Join(f.dir, siteFile))
	for _, c := range f.Clusters {
		fmt.Fprintf(&b, "%-9s KUBECONFIG=%s kubectl get %s\n", "kubectl", c.Kubeconfig, map[string]string{"management": "clusters,kubeadmcontrolplanes,machinedeployments,machines", "workload": "nodes -o wide"}[c.Role])
	}
	fmt.Fprintf(&b, "%-9s GOVC_URL=%s GOVC_USERNAME=%s GOVC_PASSWORD=%s GOVC_INSECURE=1 govc find / -type m\n", "govc", f.VCenter.URL, f.VCenter.Username, f.VCenter.Password)
	fmt.Fprintf(&b, "%-9s %s/v2/_catalog\n", "registry", f.Registry)
	return b.String()
}
