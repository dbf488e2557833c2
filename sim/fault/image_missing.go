package fault

import (
	"context"
	"fmt"
	"strings"
)

var imageMissing = Fault{
	ID:     "image-missing",
	Effect: "the site's registry does not have an image; it fires when a node asks for it",
	Symptom: "pods that need it on a node that does not have it wait in ImagePullBackOff; without etcd's a new control-plane machine does not join, " +
		"and its Machine stays Provisioned",
	Recovery: "synchronise the image; kubelets try again by themselves, at most 5 minutes later. kubeadm gives up on etcd's after 2: delete a Machine " +
		"that did not join",
	Heal:   "synchronises the image; a Machine that did not join stays",
	Source: "001_b91d9add2570b717.txt, Preparing for Cross-Version Upgrades; k8s.io/kubernetes@v1.35.4 pkg/kubelet/images/image_manager.go",
	Args: []Arg{{Name: "image", Doc: "repository, or the end of its path, with or without :tag, such as tkestack/etcd:v3.6.6; images that the VM template " +
		"brings along (kube-apiserver, kube-controller-manager, kube-proxy, kube-scheduler of its version) are asked for on old machines alone",
		Default: "coredns"}},
	inject: func(_ context.Context, s Site, a Args, hit func(string)) (laid, error) {
		repository, tag, _ := strings.Cut(a["image"], ":")
		if repository == "" {
			return laid{}, fmt.Errorf("image: got %q, want repository[:tag]", a["image"])
		}
		heal := s.HideArtifact(repository, tag, func(what string) { hit("registry: " + what + " is missing") })
		return laid{heal: func(context.Context) error { heal(); return nil }, waits: "a node that needs image " + a["image"]}, nil
	},
}
