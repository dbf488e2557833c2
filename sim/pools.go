package sim

import (
	"context"
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"

	"github.com/vmware/govmomi/vim25/types"
	admission "k8s.io/api/admission/v1"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/builder"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/predicate"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
	ctrladmission "sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	infrav1 "sigs.k8s.io/cluster-api-provider-vsphere/api/govmomi/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"

	"github.com/rehearse-dev/rehearse/fakes/configpool"
	"github.com/rehearse-dev/rehearse/fakes/vcenter"
	"github.com/rehearse-dev/rehearse/sim/kube"
)

// This file wires the machine config pools: their controllers, the webhook that gives a VSphereVM its slot, and what
// vCenter does for them.

// startPools makes the provider of machine config pools. The management API serves.
func (t *Twin) startPools() error {
	cfg := rest.CopyConfig(t.management.Config)
	cfg.WrapTransport = t.line.Wrap(kube.VSphereProvider)
	c, err := t.clock.Barrier().NewClient(cfg, client.Options{Scheme: t.management.Scheme})
	if err != nil {
		return err
	}
	t.pools = configpool.NewProvider(configpool.Config{Client: c, Reader: c, Storage: datastores{t.vcenter}, Clock: t.clock,
		Events: t.controllers.Manager.GetEventRecorderFor("vspheremachineconfigpool-controller"), Refused: t.poolFaults.refused})
	return t.controllers.Await(configpool.New())
}

// watchPools starts the controllers of pools, and of the slots of VSphereVMs that go.
func (t *Twin) watchPools() error {
	mgr := t.controllers.Manager
	inNamespace := func(ctx context.Context, o client.Object) []reconcile.Request {
		return t.poolsOf(ctx, o.GetNamespace())
	}
	// A pool looks again when a machine of its namespace comes, runs or goes.
	moves := predicate.Funcs{UpdateFunc: func(e event.UpdateEvent) bool {
		old, isVM := e.ObjectOld.(*infrav1.VSphereVM)
		vm, _ := e.ObjectNew.(*infrav1.VSphereVM)
		return isVM && (old.Status.VMRef != vm.Status.VMRef || old.Spec.BiosUUID != vm.Spec.BiosUUID)
	}}
	err := ctrl.NewControllerManagedBy(mgr).Named("vspheremachineconfigpool").WithOptions(t.controllers.Options(kube.VSphereProvider, 1, time.Second)).
		For(configpool.New()).
		Watches(&clusterv1.Cluster{}, handler.EnqueueRequestsFromMapFunc(inNamespace), builder.WithPredicates(comesOrGoes)).
		Watches(&infrav1.VSphereCluster{}, handler.EnqueueRequestsFromMapFunc(inNamespace), builder.WithPredicates(predicate.GenerationChangedPredicate{})).
		Watches(&infrav1.VSphereMachine{}, handler.EnqueueRequestsFromMapFunc(inNamespace), builder.WithPredicates(comesOrGoes)).
		Watches(&infrav1.VSphereVM{}, handler.EnqueueRequestsFromMapFunc(inNamespace), builder.WithPredicates(moves)).
		Complete(reconcile.Func(func(ctx context.Context, r reconcile.Request) (reconcile.Result, error) {
			after, err := t.pools.Reconcile(ctx, r.NamespacedName)
			return reconcile.Result{RequeueAfter: after}, err
		}))
	if err != nil {
		return fmt.Errorf("machine config pools: %w", err)
	}
	goes := predicate.NewPredicateFuncs(func(o client.Object) bool { return o.GetDeletionTimestamp() != nil })
	err = ctrl.NewControllerManagedBy(mgr).Named("machine-config-slot").WithOptions(t.controllers.Options(kube.VSphereProvider, 1, time.Second)).
		For(&infrav1.VSphereVM{}, builder.WithPredicates(goes)).
		Complete(reconcile.Func(func(ctx context.Context, r reconcile.Request) (reconcile.Result, error) {
			after, err := t.pools.Release(ctx, r.NamespacedName)
			return reconcile.Result{RequeueAfter: after}, err
		}))
	if err != nil {
		return fmt.Errorf("machine config slots: %w", err)
	}
	return nil
}

// poolsOf are the pools of a namespace.
func (t *Twin) poolsOf(ctx context.Context, namespace string) []reconcile.Request {
	l := &unstructured.UnstructuredList{}
	l.SetGroupVersionKind(configpool.GroupVersionKind())
	if err := t.controllers.Manager.GetCache().List(ctx, l, client.InNamespace(namespace)); err != nil {
		t.o.Log.Error(err, "machine config pools", "namespace", namespace)
	}
	var requests []reconcile.Request
	for i := range l.Items {
		requests = append(requests, reconcile.Request{NamespacedName: client.ObjectKeyFromObject(&l.Items[i])})
	}
	return requests
}

// slotPath is where the webhook server gives slots to VSphereVMs.
const slotPath = "twin-machine-config-slot"

// admitVM is the webhook that a VSphereVM passes before it is stored.
func (t *Twin) admitVM(ctx context.Context, r ctrladmission.Request) ctrladmission.Response {
	vm := &unstructured.Unstructured{}
	if err := vm.UnmarshalJSON(r.Object.Raw); err != nil {
		return ctrladmission.Errored(http.StatusBadRequest, err)
	}
	dry := r.DryRun != nil && *r.DryRun
	if vm.GetDeletionTimestamp() != nil {
		return ctrladmission.Allowed("")
	}
	if err := t.pools.Admit(ctx, vm, r.Operation == admission.Create, dry); err != nil {
		return ctrladmission.Denied(err.Error())
	}
	b, err := vm.MarshalJSON()
	if err != nil {
		return ctrladmission.Errored(http.StatusInternalServerError, err)
	}
	return ctrladmission.PatchResponseFromRaw(r.Object.Raw, b)
}

// slotWebhook asks admitVM.
func slotWebhook() *admissionv1.MutatingWebhookConfiguration {
	effects, fail, timeout, where := admissionv1.SideEffectClassNoneOnDryRun, admissionv1.Fail, int32(30), slotPath
	return &admissionv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: slotPath}, Webhooks: []admissionv1.MutatingWebhook{{
		Name: "vspherevms.machine-config-slot.twin.rehearse.dev", AdmissionReviewVersions: []string{"v1"}, SideEffects: &effects, FailurePolicy: &fail,
		TimeoutSeconds: &timeout, ClientConfig: admissionv1.WebhookClientConfig{Service: &admissionv1.ServiceReference{Path: &where}},
		Rules: []admissionv1.RuleWithOperations{{Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update},
			Rule: admissionv1.Rule{APIGroups: []string{infrav1.GroupVersion.Group}, APIVersions: []string{infrav1.GroupVersion.Version}, Resources: []string{"vspherevms"}}}}}}}
}

// slotOfClone is what vCenter gives to a VM that is cloned for a slot.
func (t *Twin) slotOfClone(vm string) (vcenter.Extra, error) {
	if t.pools == nil {
		return t.restored, nil // the inventory is being made
	}
	c, err := t.pools.CloneOf(t.run, vm)
	if err != nil {
		return vcenter.Extra{}, err
	}
	x := vcenter.Extra{ExtraConfig: c.ExtraConfig}
	for _, d := range c.Disks {
		x.Disks = append(x.Disks, vcenter.Disk{Path: d.Path, UUID: d.UUID, SizeGiB: d.SizeGiB, Unit: d.Unit})
	}
	return x, nil
}

// disksKept are the disks that are taken off a VM which the provider deletes.
func (t *Twin) disksKept(vm vcenter.VM) []string {
	files, err := t.pools.Keeps(t.run, vm.Name)
	if err != nil && t.run.Err() == nil {
		t.o.Log.Error(err, "persistent disks", "vm", vm.Name)
	}
	return files
}

// datastores are vCenter's, for the pools.
type datastores struct{ v *vcenter.VCenter }

// Disk implements configpool.Storage.
func (s datastores) Disk(file string) (configpool.Stored, bool) {
	d, on, ok := s.v.Disk(file)
	stored := configpool.Stored{UUID: d.UUID}
	for _, a := range on {
		stored.On = append(stored.On, fmt.Sprintf("%s attached to %s (%s) diskKey=%d", file, a.VM.Name, a.VM.Ref, a.Key))
	}
	return stored, ok
}

// Delete implements configpool.Storage.
func (s datastores) Delete(datacenter, file string) (string, error) {
	return s.v.DeleteDisk(datacenter, file)
}

// Task implements configpool.Storage.
func (s datastores) Task(key string) (done bool, fault string, gone bool, err error) {
	done, f, err := s.v.TaskState(key)
	if f != nil {
		fault = f.LocalizedMessage
		_, gone = f.Fault.(*types.FileNotFound)
	}
	return done, fault, gone, err
}

// Datastore implements configpool.Storage.
func (s datastores) Datastore(datacenter, wanted string) string {
	if wanted != "" {
		return path.Base(strings.TrimSuffix(wanted, "/"))
	}
	return s.v.DefaultDatastore(datacenter)
}
