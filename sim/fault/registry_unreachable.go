package fault

import "context"

var registryUnreachable = Fault{
	ID:     "registry-unreachable",
	Effect: "nobody reaches the site's registry; it fires when somebody tries",
	Symptom: "before the run: the runbook cannot ask for charts. Later: new pods wait in ImagePullBackOff, AppRelease cni-kube-ovn goes to " +
		"DownloadFailed, and a new control-plane machine does not join without etcd's image",
	Recovery: "bring the registry back; kubelets try again at most 5 minutes later, the AppRelease at its next interval sync. kubeadm gives up on " +
		"etcd's image after 2 minutes: delete a Machine that did not join",
	Heal:   "brings the registry back; a Machine that did not join stays",
	Source: "001_b91d9add2570b717.txt, Preparing for Cross-Version Upgrades; k8s.io/kubernetes@v1.35.4 pkg/kubelet/images/image_manager.go",
	inject: func(_ context.Context, s Site, _ Args, hit func(string)) (laid, error) {
		heal := s.CutRegistry(func(string) { hit("registry: not reached") })
		return laid{heal: func(context.Context) error { heal(); return nil }, waits: "somebody who asks the registry"}, nil
	},
}
