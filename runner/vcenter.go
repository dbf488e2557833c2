package runner

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/vmware/govmomi"
	"github.com/vmware/govmomi/view"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"

	"github.com/rehearse-dev/rehearse/dsl"
)

// vcenter is the session of a run in the site's vCenter.
type vcenter struct{ client *govmomi.Client }

func (v *vcenter) close() {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	_ = v.client.Logout(ctx) // the session ends by itself as well
}

// inventory is the vCenter as a step or a poll sees it. It implements dsl.VCenter.
type inventory struct{ *acting }

// VMs implements dsl.VCenter. They are sorted by path.
func (i *inventory) VMs(ctx context.Context) ([]dsl.VM, error) { return i.list(ctx, "VMs", false) }

// Templates implements dsl.VCenter. They are sorted by path.
func (i *inventory) Templates(ctx context.Context) ([]dsl.VM, error) {
	return i.list(ctx, "templates", true)
}

func (i *inventory) list(ctx context.Context, what string, templates bool) ([]dsl.VM, error) {
	var all []dsl.VM
	err := i.read(ctx, "list "+what+" of the vCenter", func(ctx context.Context) (err error) {
		all, err = i.host.inventory(ctx)
		return err
	})
	return slices.DeleteFunc(all, func(v dsl.VM) bool { return v.Template != templates }), err
}

// inventory asks once, and once more when the session was too old.
func (h *host) inventory(ctx context.Context) ([]dsl.VM, error) {
	for range 2 {
		v, err := h.login(ctx)
		if err != nil {
			return nil, err
		}
		all, err := v.inventory(ctx)
		if !expired(err) {
			return all, err
		}
		h.vcenter = nil
	}
	return nil, errExpired
}

func expired(err error) bool {
	if !soap.IsSoapFault(err) {
		return false
	}
	_, ok := soap.ToSoapFault(err).VimFault().(types.NotAuthenticated)
	return ok
}

func (h *host) login(ctx context.Context) (*vcenter, error) {
	if h.vcenter != nil {
		return h.vcenter, nil
	}
	v, err := logIn(ctx, h.run.Site)
	if err != nil {
		return nil, err
	}
	h.vcenter = v
	return v, nil
}

// logIn opens a session.
func logIn(ctx context.Context, s Site) (*vcenter, error) {
	u := s.VCenter()
	if u == nil {
		return nil, errors.New("the site has no vCenter")
	}
	c, err := govmomi.NewClient(ctx, u, Insecure(u))
	if err != nil {
		return nil, fmt.Errorf("log in at %s: %w", u.Host, err)
	}
	return &vcenter{client: c}, nil
}

var errExpired = errors.New("the session has expired as soon as it was opened")

// Insecure tells whether the certificate of a site's endpoint is taken as it is: it is on this machine, or its URL asks
// for that with ?insecure=true.
func Insecure(u *url.URL) bool {
	ip := net.ParseIP(u.Hostname())
	return u.Query().Get("insecure") == "true" || u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()
}

// inventory asks for all VMs and for the folders above them in two requests, however many there are.
func (v *vcenter) inventory(ctx context.Context) ([]dsl.VM, error) {
	kinds := []string{"VirtualMachine", "Folder", "Datacenter", "VirtualApp"}
	m := view.NewManager(v.client.Client)
	all, err := m.CreateContainerView(ctx, v.client.ServiceContent.RootFolder, kinds, true)
	if err != nil {
		return nil, err
	}
	defer func() { _ = all.Destroy(ctx) }()
	var entities []mo.ManagedEntity
	if err := all.Retrieve(ctx, kinds[1:], []string{"name", "parent"}, &entities); err != nil {
		return nil, err
	}
	var vms []mo.VirtualMachine
	fields := []string{"name", "parent", "config.template", "config.uuid", "runtime.powerState", "guest.ipAddress"}
	if err := all.Retrieve(ctx, kinds[:1], fields, &vms); err != nil {
		return nil, err
	}
	return describe(vms, entities), nil
}

func describe(vms []mo.VirtualMachine, entities []mo.ManagedEntity) []dsl.VM {
	above := map[types.ManagedObjectReference]mo.ManagedEntity{}
	for _, e := range entities {
		above[e.Self] = e
	}
	all := make([]dsl.VM, 0, len(vms))
	for _, m := range vms {
		v := dsl.VM{Name: unescape(m.Name), Path: pathOf(m.ManagedEntity, above), PowerState: string(m.Runtime.PowerState)}
		if m.Config != nil { // nil while it is being cloned
			v.Template, v.UUID = m.Config.Template, m.Config.Uuid
		}
		if m.Guest != nil {
			v.IP = m.Guest.IpAddress
		}
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b dsl.VM) int { return strings.Compare(a.Path, b.Path) })
	return all
}

// pathOf is the inventory path, without the root folder, as govc prints it.
func pathOf(e mo.ManagedEntity, above map[types.ManagedObjectReference]mo.ManagedEntity) string {
	path := ""
	for {
		path = "/" + unescape(e.Name) + path
		if e.Parent == nil {
			return path
		}
		parent, ok := above[*e.Parent]
		if !ok { // the root folder is not in a view of itself
			return path
		}
		e = parent
	}
}

// vCenter escapes three characters in names.
var unescapeName = strings.NewReplacer("%2f", "/", "%2F", "/", "%5c", `\`, "%5C", `\`, "%25", "%")

func unescape(name string) string { return unescapeName.Replace(name) }
