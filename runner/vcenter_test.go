package runner_test

import (
	"context"
	"crypto/tls"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/vmware/govmomi"
	vm "github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/property"
	"github.com/vmware/govmomi/session"
	"github.com/vmware/govmomi/simulator"
	"github.com/vmware/govmomi/vim25/mo"
	"github.com/vmware/govmomi/vim25/types"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/runner"
	"github.com/rehearse-dev/rehearse/runner/journal"
)

func TestVMsAndTemplates(t *testing.T) {
	m := simulator.VPX()
	m.Machine = 1
	defer m.Remove()
	if err := m.Create(); err != nil {
		t.Fatal(err)
	}
	m.Service.TLS = new(tls.Config)
	server := m.Service.NewServer()
	defer server.Close()
	ctx := t.Context()
	c, err := govmomi.NewClient(ctx, server.URL, true)
	if err != nil {
		t.Fatal(err)
	}
	// One of the two machines of the model becomes a template.
	machine := vm.NewVirtualMachine(c.Client, findVM(t, m, "DC0_H0_VM0"))
	if off, err := machine.PowerOff(ctx); err != nil || off.Wait(ctx) != nil {
		t.Fatal(err)
	}
	if err := machine.MarkAsTemplate(ctx); err != nil {
		t.Fatal(err)
	}
	s := newSite(t, newFakeAPI(t).config())
	s.vcenter = server.URL
	var vms, templates []dsl.VM
	got := newRig(t, s).run(t, steps(action{read("a"), func(ctx context.Context, s dsl.Site) (_ dsl.Result, err error) {
		if vms, err = s.VCenter().VMs(ctx); err != nil {
			return dsl.Result{}, err
		}
		endSessions(t, c) // a session may expire between two steps
		templates, err = s.VCenter().Templates(ctx)
		return dsl.Result{}, err
	}}))
	expect(t, got, journal.Pass, runner.ExitPass, "a done")
	for _, l := range [][]dsl.VM{vms, templates} {
		for i := range l {
			if l[i].UUID == "" {
				t.Errorf("%s has no UUID", l[i].Name)
			}
			l[i].UUID = ""
		}
	}
	if diff := cmp.Diff([]dsl.VM{{Name: "DC0_C0_RP0_VM0", Path: "/DC0/vm/DC0_C0_RP0_VM0", PowerState: "poweredOn"}},
		vms); diff != "" {
		t.Error("VMs (-want +got):\n" + diff)
	}
	want := []dsl.VM{{Name: "DC0_H0_VM0", Path: "/DC0/vm/DC0_H0_VM0", PowerState: "poweredOff", Template: true}}
	if diff := cmp.Diff(want, templates); diff != "" {
		t.Error("templates (-want +got):\n" + diff)
	}
}

func findVM(t *testing.T, m *simulator.Model, name string) types.ManagedObjectReference {
	t.Helper()
	for _, e := range m.Map().All("VirtualMachine") {
		if e.Entity().Name == name {
			return e.Reference()
		}
	}
	t.Fatalf("the model has no VM %s", name)
	return types.ManagedObjectReference{}
}

// endSessions ends every session but our own.
func endSessions(t *testing.T, c *govmomi.Client) {
	t.Helper()
	sessions := session.NewManager(c.Client)
	own, err := sessions.UserSession(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var m mo.SessionManager
	err = property.DefaultCollector(c.Client).RetrieveOne(t.Context(), sessions.Reference(), []string{"sessionList"}, &m)
	if err != nil {
		t.Fatal(err)
	}
	ended := 0
	for _, s := range m.SessionList {
		if s.Key == own.Key {
			continue
		}
		if err := sessions.TerminateSession(t.Context(), []string{s.Key}); err != nil {
			t.Fatal(err)
		}
		ended++
	}
	if ended == 0 {
		t.Fatalf("got %d sessions, want one more than our own", len(m.SessionList))
	}
}
