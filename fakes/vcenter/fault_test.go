package vcenter_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/vmware/govmomi"
	"github.com/vmware/govmomi/object"
	"github.com/vmware/govmomi/task"
	"github.com/vmware/govmomi/vapi/rest"
	"github.com/vmware/govmomi/vim25/methods"
	"github.com/vmware/govmomi/vim25/soap"
	"github.com/vmware/govmomi/vim25/types"

	"github.com/rehearse-dev/rehearse/fakes/vcenter"
)

func errorsAs(err error, target any) bool { return errors.As(err, target) }

func TestFailHitsTheNthTaskAndTakesItsTime(t *testing.T) {
	const full = "Insufficient disk space on datastore 'datastore-1'."
	s := start(t)
	heal := s.Inject(vcenter.Fault{
		Method: "CloneVM_Task", VM: "w-*", Nth: 2, Effect: vcenter.Fail, Err: &types.NoDiskSpace{Datastore: "datastore-1"},
		Message: full, Fired: func(vm string) { s.record("hit " + vm) },
	})
	defer heal()
	for name, want := range map[string]bool{"cp-1": false, "w-1": false} {
		if err := s.end(s.clone(name, oldTemplate), time.Minute); (err != nil) != want {
			t.Errorf("%s: got %v, want failed=%v", name, err, want)
		}
	}
	var fault task.Error
	if err := s.end(s.clone("w-2", oldTemplate), time.Minute); !errors.As(err, &fault) {
		t.Fatalf("w-2: got %v, want a failed task", err)
	}
	if _, ok := fault.Fault().(*types.NoDiskSpace); !ok || fault.LocalizedMessage != full {
		t.Errorf("fault: got %T %q, want NoDiskSpace %q", fault.Fault(), fault.LocalizedMessage, full)
	}
	if _, err := s.finder.VirtualMachine(s.ctx, "w-2"); err == nil {
		t.Error("w-2 exists although its clone failed")
	}
	if err := s.end(s.clone("w-2", oldTemplate), time.Minute); err != nil {
		t.Errorf("third clone: %v", err)
	}
	s.told("hit w-2")
}

// A lost acknowledgement: the VM is there, the task says otherwise.
func TestLoseDoesTheWorkAndReportsAnError(t *testing.T) {
	s := start(t)
	defer s.Inject(vcenter.Fault{Method: "CloneVM_Task", Effect: vcenter.Lose, Err: &types.InsufficientResourcesFault{}})()
	if err := s.end(s.clone("cp-1", oldTemplate), time.Minute); err == nil {
		t.Error("got no error, want InsufficientResourcesFault")
	}
	s.machine("cp-1")
}

func TestRefuseWorksOnAnyMethod(t *testing.T) {
	s := start(t)
	vm := must(s.CreateVM(vcenter.VMSpec{Name: "w-1", Template: oldTemplate, Place: place}))(t)
	o := object.NewVirtualMachine(s.client.Client, vm.Ref)
	heal := s.Inject(vcenter.Fault{Method: "PowerOffVM_Task", Effect: vcenter.Refuse, Err: &types.HostCommunication{}})
	defer s.Inject(vcenter.Fault{Method: "CurrentTime", Nth: 1, Effect: vcenter.Refuse, Err: &types.HostCommunication{}})()
	for _, call := range []func() error{
		func() error { _, err := o.PowerOff(s.ctx); return err },
		func() error { _, err := methods.GetCurrentTime(s.ctx, s.client.Client); return err },
	} {
		err := call()
		if err == nil || !soap.IsSoapFault(err) {
			t.Fatalf("got %v, want a fault", err)
		}
		if _, ok := soap.ToSoapFault(err).VimFault().(types.HostCommunication); !ok {
			t.Errorf("fault: got %T, want HostCommunication", soap.ToSoapFault(err).VimFault())
		}
	}
	heal()
	heal()
	if err := s.end(must(o.PowerOff(s.ctx))(t), 5*time.Second); err != nil {
		t.Errorf("after healing: %v", err)
	}
	if _, err := methods.GetCurrentTime(s.ctx, s.client.Client); err != nil {
		t.Errorf("second call: %v", err)
	}
}

func TestHoldLastsUntilHealed(t *testing.T) {
	s := start(t)
	heal := s.Inject(vcenter.Fault{Method: "CloneVM_Task", Effect: vcenter.Hold})
	tk := s.clone("cp-1", oldTemplate)
	s.clock.Advance(24 * time.Hour)
	if got := s.state(tk); got != types.TaskInfoStateRunning {
		t.Errorf("held task is %s, want running", got)
	}
	heal()
	if err := s.end(tk, time.Minute); err != nil {
		t.Error(err)
	}
}

func TestSlowTasksTakeTheirFactor(t *testing.T) {
	s := start(t)
	var hit []string
	heal := s.Inject(vcenter.Fault{Effect: vcenter.Slow, Factor: 3, Which: func(vm string) bool { return vm == "w-1" },
		Fired: func(vm string) { hit = append(hit, vm) }})
	if err := s.end(s.clone("w-2", oldTemplate), time.Minute); err != nil {
		t.Errorf("another VM: %v", err)
	}
	tk := s.clone("w-1", oldTemplate)
	s.clock.Advance(2 * time.Minute)
	if got := s.state(tk); got != types.TaskInfoStateRunning {
		t.Errorf("after twice its time: got %s, want running", got)
	}
	if err := s.end(tk, time.Minute); err != nil || !slices.Equal(hit, []string{"w-1"}) {
		t.Errorf("after three times its time: got %v, hit %q, want it done", err, hit)
	}
	heal()
}

func TestAServiceThatHasStoppedAnswersNobody(t *testing.T) {
	s := start(t)
	var asked []string
	heal := s.Inject(vcenter.Fault{Effect: vcenter.Down, Fired: func(what string) { asked = append(asked, what) }})
	_, err := govmomi.NewClient(s.ctx, s.URL(), true)
	if err == nil || !strings.Contains(err.Error(), "503 Service Unavailable") || !slices.Contains(asked, "POST /sdk") {
		t.Errorf("SOAP: got %v, asked %q, want 503", err, asked)
	}
	rc := rest.NewClient(s.client.Client)
	if err := rc.Login(s.ctx, s.URL().User); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("REST: got %v, want 503", err)
	}
	heal()
	if err := rc.Login(s.ctx, s.URL().User); err != nil {
		t.Errorf("healed: %v", err)
	}
}

// The provider asks whether its session is alive, logs out, and logs in again.
func TestAnAccountThatHasExpiredHasNoSessionAndGetsNone(t *testing.T) {
	s := start(t)
	rc := rest.NewClient(s.client.Client)
	if err := rc.Login(s.ctx, s.URL().User); err != nil {
		t.Fatal(err)
	}
	heal := s.Inject(vcenter.Fault{Effect: vcenter.Expired})
	if u, err := s.client.SessionManager.UserSession(s.ctx); u != nil || err != nil {
		t.Errorf("SOAP session: got %v, %v, want none", u, err)
	}
	if u, err := rc.Session(s.ctx); u != nil || err != nil {
		t.Errorf("REST session: got %v, %v, want none", u, err)
	}
	const text = "Cannot complete login due to an incorrect user name or password."
	if _, err := govmomi.NewClient(s.ctx, s.URL(), true); err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("login: got %v, want %q", err, text)
	}
	heal()
	if _, err := govmomi.NewClient(s.ctx, s.URL(), true); err != nil {
		t.Errorf("healed: %v", err)
	}
}
