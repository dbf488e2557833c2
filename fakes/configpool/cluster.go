package configpool

import (
	"context"
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	infrav1 "sigs.k8s.io/cluster-api-provider-vsphere/api/govmomi/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
)

// The condition types of a pool, and why they are false.
const (
	clusterRefReady  = "ClusterRefReady"
	vcenterAvailable = "VCenterAvailable"

	clusterNotFound        = "ClusterNotFound"
	vsphereClusterNotFound = "VSphereClusterNotFound"
	credentialsUnavailable = "IdentityCredentialsUnavailable"
)

// controllerNamespace is where the Secret of a VSphereClusterIdentity is (000_d64b8bff74bf7917.txt).
const controllerNamespace = "cpaas-system"

// reachable tells whether the pool's Cluster leads to a vCenter and to an account for it, and says so in the conditions.
func (p *Provider) reachable(ctx context.Context, have *pool) (bool, error) {
	cluster := &clusterv1.Cluster{}
	key := client.ObjectKey{Namespace: have.namespace, Name: have.Spec.ClusterRef.Name}
	if err := p.Reader.Get(ctx, key, cluster); err != nil {
		return p.unreachable(have, clusterRefReady, clusterNotFound, fmt.Sprintf("Cluster %s not found: %v", key, err), err)
	}
	if cluster.Spec.InfrastructureRef.Name == "" {
		return p.unreachable(have, clusterRefReady, vsphereClusterNotFound, fmt.Sprintf("Cluster %s has nil InfrastructureRef", key), nil)
	}
	infra := &infrav1.VSphereCluster{}
	key.Name = cluster.Spec.InfrastructureRef.Name
	if err := p.Reader.Get(ctx, key, infra); err != nil {
		return p.unreachable(have, clusterRefReady, vsphereClusterNotFound, fmt.Sprintf("VSphereCluster %s not found: %v", key, err), err)
	}
	p.say(have, condition{Type: clusterRefReady, Status: "True"})
	if err := p.credentials(ctx, infra); err != nil {
		return p.unreachable(have, vcenterAvailable, credentialsUnavailable, fmt.Sprintf("Failed to resolve credentials from IdentityRef: %v", err), err)
	}
	p.say(have, condition{Type: vcenterAvailable, Status: "True"})
	return true, nil
}

// unreachable says why not; an error that does not say that something is missing is one of the call.
func (p *Provider) unreachable(have *pool, kind, reason, message string, err error) (bool, error) {
	if client.IgnoreNotFound(err) != nil {
		return false, err
	}
	p.say(have, condition{Type: kind, Status: "False", Severity: "Warning", Reason: reason, Message: message})
	return false, nil
}

// credentials is an error when the account of the VSphereCluster is not there.
func (p *Provider) credentials(ctx context.Context, infra *infrav1.VSphereCluster) error {
	ref := infra.Spec.IdentityRef
	key := client.ObjectKey{Namespace: infra.Namespace, Name: ref.Name}
	if ref.Kind == infrav1.VSphereClusterIdentityKind {
		id := &infrav1.VSphereClusterIdentity{}
		if err := p.Reader.Get(ctx, client.ObjectKey{Name: ref.Name}, id); err != nil {
			return err
		}
		key = client.ObjectKey{Namespace: controllerNamespace, Name: id.Spec.SecretName}
	}
	secret := &corev1.Secret{}
	if err := p.Reader.Get(ctx, key, secret); err != nil {
		return err
	}
	if len(secret.Data["username"]) == 0 || len(secret.Data["password"]) == 0 {
		return apierrors.NewNotFound(corev1.Resource("secrets"), key.String()+" with username and password")
	}
	return nil
}

func (p *Provider) say(have *pool, c condition) {
	i := slices.IndexFunc(have.Status.Conditions, func(x condition) bool { return x.Type == c.Type })
	c.LastTransitionTime = metav1.NewTime(p.Clock.Now())
	if i < 0 {
		have.Status.Conditions = append(have.Status.Conditions, c)
		return
	}
	old := &have.Status.Conditions[i]
	if old.Status == c.Status && old.Reason == c.Reason && old.Message == c.Message {
		return
	}
	*old = c
}
