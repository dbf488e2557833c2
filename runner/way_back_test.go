package runner_test

import (
	"context"
	"testing"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/runner"
	"github.com/rehearse-dev/rehearse/runner/journal"
)

const kcpGroup = "controlplane.cluster.x-k8s.io/v1beta1"

func controlPlaneAt(version string) object {
	return object{"apiVersion": kcpGroup, "kind": "KubeadmControlPlane",
		"metadata": object{"name": "prod-a", "labels": object{"cluster.x-k8s.io/cluster-name": "prod-a"}},
		"spec":     object{"version": version, "replicas": int64(3)}}
}

// What a step has just written is seen in what is said after it, although its watch may not have told yet.
func TestAfterEachStepTheRunSaysWhatGoingBackWouldMean(t *testing.T) {
	api := newFakeAPI(t)
	api.put(kcpGroup, "kubeadmcontrolplanes", controlPlaneAt("v1.33.7"))
	api.mute = true // no watch says anything
	r := newRig(t, newSite(t, api.config()))
	got := r.run(t, steps(action{read("look"), nothing},
		action{writing("edit"), func(ctx context.Context, s dsl.Site) (dsl.Result, error) {
			_, err := s.Cluster("").Patch(ctx, dsl.Ref{Kind: "KubeadmControlPlane", Namespace: "ns", Name: "prod-a"},
				dsl.MergePatch, object{"spec": object{"version": "v1.34.5"}})
			return dsl.Result{}, err
		}}))
	expect(t, got, journal.Pass, runner.ExitPass, "look done", "edit done")
	for i, want := range []string{"the control plane of prod-a is as it was",
		"prod-a asks for v1.34.5, and no control-plane machine of it exists yet"} {
		b := got.Run.Steps[i].Back
		if b == nil || b.Level != journal.Reversible || b.Why != want {
			t.Errorf("after %s: got %+v, want reversible: %s", got.Run.Steps[i].ID, b, want)
		}
	}
}

func TestWithoutAControlPlaneNothingIsSaidOfTheWayBack(t *testing.T) {
	_, r := withConfigMap(t)
	got := r.run(t, steps(action{read("look"), nothing}))
	if b := got.Run.Steps[0].Back; b != nil {
		t.Errorf("got %+v", b)
	}
}
