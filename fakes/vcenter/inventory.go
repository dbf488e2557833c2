package vcenter

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/simulator/vpx"
	"github.com/vmware/govmomi/vim25"
	"github.com/vmware/govmomi/vim25/types"
)

// hostsPerCluster is an invention: enough that one of them can fail.
const hostsPerCluster = 3

// build makes vcsim's service with the inventory of the layout. It does not use simulator.Model: that brings its own
// names and puts files outside the run's directory.
func (v *VCenter) build(ctx context.Context) error {
	sctx := simulator.NewContext()
	v.service = simulator.New(simulator.NewServiceInstance(sctx, vpx.ServiceContent, vpx.RootFolder))
	v.setOptions(sctx)
	c, err := vim25.NewClient(ctx, v.service)
	if err != nil {
		return err
	}
	b := &builder{v: v, client: c}
	for _, dc := range v.layout.datacenters {
		if err := b.datacenter(ctx, dc); err != nil {
			return fmt.Errorf("datacenter %s: %w", dc, err)
		}
	}
	registry := sctx.Map
	registry.AddHandler(&v.events)
	v.events.start(v)
	d := &desk{v: v}
	d.Self = deskRef
	registry.Put(d)
	registry.Handler = d.receive
	for _, t := range v.cfg.Templates {
		if err := v.AddTemplate(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// setOptions gives the instance its own copy of vcsim's settings, without the real-time session timeout.
func (v *VCenter) setOptions(ctx *simulator.Context) {
	m := ctx.Map.OptionManager()
	own := []types.BaseOptionValue{&types.OptionValue{Key: "vcsim.home", Value: v.dir}}
	for _, o := range m.Setting {
		if s := *o.GetOptionValue(); s.Key != "config.vmacore.soap.sessionTimeout" {
			own = append(own, &s)
		}
	}
	m.Setting = own
}

// builder makes inventory objects through vcsim's in-process client.
type builder struct {
	v      *VCenter
	client *vim25.Client
	hosts  []*object.HostSystem // of the current datacenter
}

func (b *builder) datacenter(ctx context.Context, full string) error {
	parent, err := b.folder(ctx, object.NewRootFolder(b.client), "", path.Dir(full))
	if err != nil {
		return err
	}
	dc, err := parent.CreateDatacenter(ctx, path.Base(full))
	if err != nil {
		return err
	}
	top, err := dc.Folders(ctx)
	if err != nil {
		return err
	}
	b.hosts = nil
	b.v.refs[path.Join(full, string(folders))] = top.VmFolder.Reference()
	for _, step := range []struct {
		kind kind
		top  *object.Folder
		make func(ctx context.Context, top *object.Folder, base, full string) error
	}{
		{folders, top.VmFolder, b.vmFolder},
		{pools, top.HostFolder, b.pool},
		{datastores, top.DatastoreFolder, b.datastore},
		{networks, top.NetworkFolder, b.network},
	} {
		base := path.Join(full, string(step.kind))
		for _, p := range b.v.layout.paths[step.kind] {
			if !strings.HasPrefix(p, base+"/") {
				continue
			}
			if err := step.make(ctx, step.top, base, p); err != nil {
				return fmt.Errorf("%s: %w", p, err)
			}
		}
	}
	return nil
}

// folder returns the folder full, which may be base itself, and makes what is missing below top.
func (b *builder) folder(ctx context.Context, top *object.Folder, base, full string) (*object.Folder, error) {
	if full == base || full == "/" {
		return top, nil
	}
	if ref, ok := b.v.refs[full]; ok {
		return object.NewFolder(b.client, ref), nil
	}
	parent, err := b.folder(ctx, top, base, path.Dir(full))
	if err != nil {
		return nil, err
	}
	f, err := parent.CreateFolder(ctx, path.Base(full))
	if err != nil {
		return nil, err
	}
	b.v.refs[full] = f.Reference()
	return f, nil
}

func (b *builder) vmFolder(ctx context.Context, top *object.Folder, base, full string) error {
	_, err := b.folder(ctx, top, base, full)
	return err
}

// pool makes a resource pool; a root pool comes with its cluster and hosts.
func (b *builder) pool(ctx context.Context, top *object.Folder, base, full string) error {
	if path.Base(full) == rootPool {
		return b.cluster(ctx, top, base, full)
	}
	parent := object.NewResourcePool(b.client, b.v.refs[path.Dir(full)])
	p, err := parent.Create(ctx, path.Base(full), types.DefaultResourceConfigSpec())
	if err != nil {
		return err
	}
	b.v.refs[full] = p.Reference()
	return nil
}

func (b *builder) cluster(ctx context.Context, top *object.Folder, base, full string) error {
	name := path.Base(path.Dir(full))
	parent, err := b.folder(ctx, top, base, path.Dir(path.Dir(full)))
	if err != nil {
		return err
	}
	cluster, err := parent.CreateCluster(ctx, name, types.ClusterConfigSpecEx{})
	if err != nil {
		return err
	}
	for i := range hostsPerCluster {
		spec := types.HostConnectSpec{HostName: fmt.Sprintf("%s-esx-%d", name, i+1)}
		task, err := cluster.AddHost(ctx, spec, true, nil, nil)
		if err != nil {
			return err
		}
		info, err := task.WaitForResult(ctx)
		if err != nil {
			return err
		}
		b.hosts = append(b.hosts, object.NewHostSystem(b.client, info.Result.(types.ManagedObjectReference)))
	}
	pool, err := cluster.ResourcePool(ctx)
	if err != nil {
		return err
	}
	b.v.refs[full] = pool.Reference()
	return nil
}

func (b *builder) datastore(ctx context.Context, _ *object.Folder, _, full string) error {
	dir := filepath.Join(b.v.dir, strings.ReplaceAll(strings.Trim(full, "/"), "/", "-"))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	for i, h := range b.hosts {
		s, err := h.ConfigManager().DatastoreSystem(ctx)
		if err != nil {
			return err
		}
		ds, err := s.CreateLocalDatastore(ctx, path.Base(full), dir)
		if err != nil {
			return err
		}
		if i == 0 { // vcsim returns no reference to the further hosts
			b.v.refs[full] = ds.Reference()
		}
	}
	return nil
}

// network makes a port group. Every vcsim datacenter has a "VM Network" already.
func (b *builder) network(ctx context.Context, top *object.Folder, _, full string) error {
	name := path.Base(full)
	if ref := b.child(top, name); ref != nil {
		b.v.refs[full] = *ref
		return nil
	}
	s, err := b.hosts[0].ConfigManager().NetworkSystem(ctx)
	if err != nil {
		return err
	}
	if err := s.AddPortGroup(ctx, types.HostPortGroupSpec{Name: name, VswitchName: "vSwitch0"}); err != nil {
		return err
	}
	ref := b.child(top, name)
	if ref == nil {
		return fmt.Errorf("network %q: vcsim made it, but not in the network folder", name)
	}
	b.v.refs[full] = *ref
	return nil
}

// child finds what a folder holds under a name.
func (b *builder) child(f *object.Folder, name string) *types.ManagedObjectReference {
	m := b.v.service.Context.Map
	obj := m.FindByName(name, m.Get(f.Reference()).(*simulator.Folder).ChildEntity)
	if obj == nil {
		return nil
	}
	ref := obj.Reference()
	return &ref
}
