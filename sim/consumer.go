package sim

import (
	"context"
	"net/http"

	admission "k8s.io/api/admission/v1"
	admissionv1 "k8s.io/api/admissionregistration/v1"
	apiequality "k8s.io/apimachinery/pkg/api/equality"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	ctrladmission "sigs.k8s.io/controller-runtime/pkg/webhook/admission"

	"github.com/rehearse-dev/rehearse/fakes/configpool"
)

// This file serves what the vendor's vSphere provider refuses and upstream's does not.

// consumerPath is where the webhook server judges references to templates and pools.
const consumerPath = "twin-machine-config-consumer"

// immutableTemplate is upstream's word for a template that is edited; upstream does not see the field of the pool.
const immutableTemplate = "VSphereMachineTemplate spec.template.spec field is immutable. Please create a new resource instead."

// admitConsumer is the webhook that owners of machines, and changed templates, pass.
func (t *Twin) admitConsumer(ctx context.Context, r ctrladmission.Request) ctrladmission.Response {
	o, old := &unstructured.Unstructured{}, &unstructured.Unstructured{}
	if err := o.UnmarshalJSON(r.Object.Raw); err != nil {
		return ctrladmission.Errored(http.StatusBadRequest, err)
	}
	if r.Operation == admission.Update {
		if err := old.UnmarshalJSON(r.OldObject.Raw); err != nil {
			return ctrladmission.Errored(http.StatusBadRequest, err)
		}
	}
	switch {
	case o.GetDeletionTimestamp() != nil:
	case o.GetKind() == "VSphereMachineTemplate":
		if r.Operation == admission.Update && !apiequality.Semantic.DeepEqual(configpool.PoolOf(o), configpool.PoolOf(old)) {
			return ctrladmission.Denied(immutableTemplate)
		}
	default:
		if err := t.pools.AdmitConsumer(ctx, o); err != nil {
			return ctrladmission.Denied(err.Error())
		}
	}
	return ctrladmission.Allowed("")
}

// consumerWebhook asks admitConsumer about new objects and new specs.
func consumerWebhook() *admissionv1.ValidatingWebhookConfiguration {
	effects, fail, timeout, where := admissionv1.SideEffectClassNone, admissionv1.Fail, int32(30), consumerPath
	rule := func(group, resource string) admissionv1.RuleWithOperations {
		return admissionv1.RuleWithOperations{Operations: []admissionv1.OperationType{admissionv1.Create, admissionv1.Update},
			Rule: admissionv1.Rule{APIGroups: []string{group}, APIVersions: []string{"*"}, Resources: []string{resource}}}
	}
	return &admissionv1.ValidatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: consumerPath}, Webhooks: []admissionv1.ValidatingWebhook{{
		Name: "consumers.machine-config-pool.twin.rehearse.dev", AdmissionReviewVersions: []string{"v1"}, SideEffects: &effects, FailurePolicy: &fail,
		TimeoutSeconds: &timeout, ClientConfig: admissionv1.WebhookClientConfig{Service: &admissionv1.ServiceReference{Path: &where}},
		MatchConditions: []admissionv1.MatchCondition{{Name: "respecified", Expression: "oldObject == null || object.spec != oldObject.spec"}},
		Rules: []admissionv1.RuleWithOperations{rule("controlplane.cluster.x-k8s.io", "kubeadmcontrolplanes"), rule("cluster.x-k8s.io", "machinedeployments"),
			rule("infrastructure.cluster.x-k8s.io", "vspheremachinetemplates")}}}}
}
