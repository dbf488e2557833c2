package catalogue

// Code is what a step, a wait or a rollback says when it stops.
type Code struct {
	ID       string // kebab-case, stable
	Means    string
	Recovery string
	Source   string // the document, or where in the project
}

// The documents, as docs/sources.md names them.
const (
	doc000 = "000_d64b8bff74bf7917.txt"
	doc001 = "001_b91d9add2570b717.txt"
)

// Codes is the table, sorted by id. A test holds it against the codes that runbooks, the standard library and the runner
// use.
var Codes = []Code{
	{"apprelease-deploy-failed", "the AppRelease of Kube-OVN says DeployFailed: its chart could not be deployed", "remove the cause that the message names; the release goes on by itself", doc000 + ", Upgrade the control plane, 2"},
	{"apprelease-download-failed", "the AppRelease of Kube-OVN says DownloadFailed: its chart could not be fetched", "make chart and version available in the registry; the release goes on by itself", doc000 + ", Upgrade the control plane, 2"},
	{"apprelease-missing", "the workload cluster has no AppRelease for Kube-OVN", "see what the condition KubeOvnAppReleaseReady of the VSphereCluster says", doc000 + ", Upgrade the control plane, 2"},
	{"apprelease-not-ready", "the AppRelease of Kube-OVN says NotReady: its pods do not become ready", "look at the pods of Kube-OVN; the release goes on by itself", doc000 + ", Upgrade the control plane, 2"},
	{"apprelease-not-reconciled", "the AppRelease is still asked for another chart or version: the annotation of the Cluster has not been passed on", "check that the Cluster carries cpaas.io/network-type: kube-ovn, and what the provider says", doc000 + ", Upgrade the control plane, 2"},
	{"apprelease-slow", "the AppRelease of Kube-OVN has not come to Success at the target version, in sync and healthy, within its time", "kubectl describe apprelease cni-kube-ovn -n cpaas-system, on the workload cluster", doc000 + ", Upgrade the control plane, 2"},
	{"bad-argument", "the script calls something with an argument that it does not take", "mend the script; the message says what was wanted", "docs/language.md"},
	{"broken", "a wait says that what it waits for will never come, and gives no code of its own", "the message of the wait says why", "docs/language.md, Answers"},
	{"cancelled", "the script was ended because the run was", "see why the run was stopped", "docs/language.md"},
	{"cluster-not-found", "there is no Cluster of that name in that namespace", "check the name and the namespace: kubectl get clusters.cluster.x-k8s.io -A", "dsl/stdlib/capi.star"},
	{"cluster-paused", "the Cluster, or what belongs to it, is paused, so no controller would act", "set spec.paused to false and remove the annotation cluster.x-k8s.io/paused", doc000 + ", Upgrade Sequence, 3"},
	{"control-plane-kind", "the control plane is of another kind than KubeadmControlPlane", "use a runbook for that kind", "dsl/stdlib/capi.star"},
	{"control-plane-unhealthy", "the KubeadmControlPlane is not healthy, so its preflight checks would hold the rollout up", "kubectl describe kubeadmcontrolplane; bring it to health first", doc000 + ", Prerequisites"},
	{"control-plane-unreachable", "the API server of the workload cluster does not answer", "look at the control-plane endpoint and at the condition RemoteConnectionProbe of the Cluster", doc000 + ", Prerequisites"},
	{"coredns-downgrade", "CoreDNS of the target is older than the one that runs, which the webhook of KubeadmControlPlane refuses", "choose a target row whose CoreDNS is at least as new", doc000 + ", Required Values From the OS Support Matrix"},
	{"ctx-inside-step", "the script uses ctx inside a step or a wait, where only site may be used", "mend the script: steps do not nest", "docs/language.md"},
	{"distribution-behind", "the distribution version of the cluster is below that of the target", "upgrade the distribution version of the cluster first", doc001 + ", Phase 1"},
	{"distribution-not-complete", "the upgrade of the cluster's distribution version has not ended", "kubectl describe clusterversionshadow, and wait or mend", doc001 + ", Phase 1"},
	{"duplicate-step-id", "the script uses the id of a step twice", "mend the script: ids are unique in a run", "docs/language.md"},
	{"etcd-format-one-way", "a machine with the newer etcd has joined, whose data an older etcd does not read", "repair the upgrade forward, or restore etcd from the backup that was taken before it", doc000 + ", Rolling Back a Failed Upgrade"},
	{"etcd-quorum-lost", "etcd of the workload cluster has no quorum, so KubeadmControlPlane replaces no machine", "restore the quorum first: bring back a member, or etcd from its backup", doc000 + ", Rolling Back a Failed Upgrade"},
	{"gate-refused", "the person who was asked at a gate did not approve", "find out why; run again when it may go on", "docs/language.md, ctx conducts"},
	{"internal-error", "our own machinery broke, which says nothing about the runbook or the site", "look into controllers.log and twin/ of the run directory", "runner/host.go"},
	{"kube-ovn-chart-missing", "the registry has no chart of Kube-OVN at the target version", "synchronise the images of the target: bash upgrade.sh --only-sync-image", doc001 + ", Preparing for Cross-Version Upgrades, 1"},
	{"kube-ovn-ungated", "the Cluster does not carry cpaas.io/network-type: kube-ovn, so the version of Kube-OVN would be ignored in silence", "annotate the Cluster, then run again", doc000 + ", Upgrade the control plane, 2"},
	{"kubelet-version-wrong", "a new machine runs another Kubernetes than it was asked for: its VM template is not what its name says", "replace the VM template under a new name, and the machine templates that use it", doc000 + ", Templates Cannot Be Modified In Place"},
	{"kubernetes-downgrade", "the target's Kubernetes is older than what the cluster runs", "choose a newer target row", doc000 + ", Prerequisites"},
	{"kubernetes-minor-skipped", "the target skips a minor version of Kubernetes", "upgrade one minor at a time", doc001 + ", Preparing for Cross-Version Upgrades"},
	{"machine-config-pool-full", "a machine config pool has fewer free slots than the rollout adds machines", "add slots, or let the rollout remove before it adds (maxSurge: 0)", doc000 + ", Prerequisites"},
	{"machine-config-pool-missing", "a machine template names a machine config pool that does not exist", "kubectl get vspheremachineconfigpools -n cpaas-system", doc000 + ", Prerequisites"},
	{"machine-config-pool-taken", "a machine config pool is bound to another owner of machines", "give each control plane and each MachineDeployment a pool of its own", doc000 + ", Prerequisites"},
	{"machine-failed", "a machine has failed for good, so the rollout can never end", "the message names machine and reason; delete the machine once the cause is gone", "dsl/stdlib/rollout.star"},
	{"management-controllers-not-ready", "controllers of the management cluster are not rolled out", "kubectl get deployments -n cpaas-system, and wait or mend", doc000 + ", Upgrade Sequence, 1"},
	{"manual-refused", "the person who was asked to act said that it is not done", "do it, then run again", "docs/language.md, ctx conducts"},
	{"memory-limit", "the script holds more memory than a script may", "mend the script", "docs/language.md"},
	{"nodes-not-ready", "nodes of the workload cluster are not Ready, or not what their machines say", "kubectl get nodes, on the workload cluster", doc000 + ", Prerequisites"},
	{"not-a-rollback", "the row that a rollback is given is not the one before the upgrade", "name the row that the cluster was at before", doc000 + ", Rolling Back a Failed Upgrade"},
	{"not-kebab-case", "the script gives an id or a code that is not kebab-case", "mend the script", "docs/language.md"},
	{"not-verified", "everything is rolled out and something is still not as the target has it", "the message lists all of it", doc000 + ", Verification"},
	{"old-template-ambiguous", "several machine templates could be the one that was there before the upgrade", "keep the one that its owner had", doc000 + ", Rolling Back a Failed Upgrade"},
	{"old-template-missing", "the machine template that was there before the upgrade has been deleted", "create it again under its old name from version control or a backup", doc000 + ", Rolling Back a Failed Upgrade"},
	{"one-way", "a rollback was refused: a step that has written cannot be undone", "read why in the step's undo; go forward, or restore from backup", doc000 + ", Rolling Back a Failed Upgrade"},
	{"persistent-disks-need-surge-0", "the pool has persistent disks and the rollout adds before it removes: a new VM would take another slot with other disks", "set maxSurge to 0", doc000 + ", Disk Preservation Model"},
	{"platform-behind", "the platform is below the version of the target", "upgrade the platform first", doc000 + ", Upgrade Sequence, 1"},
	{"platform-not-complete", "the upgrade of the platform has not ended", "kubectl describe clusterversionshadow of the platform, and wait or mend", doc000 + ", Upgrade Sequence, 1"},
	{"refused", "the runbook refused to go on, and gives no code of its own", "the message says why", "docs/language.md, Preconditions"},
	{"result-not-data", "what a step returned is not plain data, so that no journal can keep it", "mend the script", "docs/language.md"},
	{"rollout-in-progress", "a rollout is under way that this run did not begin", "wait until it has ended", doc000 + ", Upgrade Sequence, 3"},
	{"rollout-on-delete", "the rollout strategy is OnDelete, so nothing would be replaced", "set it to RollingUpdate", doc000 + ", Disk Preservation Model"},
	{"script-error", "the script broke", "mend the script; the message and its place say where", "docs/language.md"},
	{"site-after-step", "the script kept a site beyond the step that it was given to", "mend the script", "docs/language.md"},
	{"site-refused", "the site said no: an API server, vCenter or the registry refused a request", "the message is what the site said", "docs/language.md"},
	{"step-limit", "the script went on without an end", "mend the script", "docs/language.md"},
	{"stopped", "the user stopped the run", "what has been written so far is in the report", "runner/host.go"},
	{"target-version-joined", "a control-plane machine of the target version has joined, after which the later revision of the document knows no way back", "repair the upgrade forward, or restore etcd from the backup that was taken before it", doc000 + ", Rolling Back a Failed Upgrade, in its later revision"},
	{"template-name-taken", "there is a machine template of the new name already, with other contents; one in use cannot be changed", "rename or delete it", doc000 + ", Templates Cannot Be Modified In Place"},
	{"timeout", "a step or a wait took longer than its time of the site", "the last text of the wait says what was missing", "docs/language.md, Answers"},
	{"vsphere-template-ambiguous", "several VMs have the name of the target's VM template", "keep the one that is the template, and rename the others", doc000 + ", Prerequisites"},
	{"vsphere-template-missing", "the target's VM template is not in vCenter under exactly that name, or is no template", "upload it under exactly that name", doc000 + ", Prerequisites"},
	{"vsphere-template-unknown", "the OS support matrix names no VM template for the target", "choose a target row that names one", doc000 + ", Prerequisites"},
	{"workers-not-aligned", "a MachineDeployment is not at the version that the previous upgrade should have left it at", "finish the previous upgrade first", doc001 + ", Preparing for Cross-Version Upgrades, 3"},
	{"workers-not-ready", "workers of the cluster are not ready", "kubectl get machines.cluster.x-k8s.io -n cpaas-system", doc000 + ", Prerequisites"},
	{"write-not-allowed", "a step of risk read tried to write", "mend the script: give the step risk write and an undo", "docs/language.md"},
	{"wrong-answer", "a function of a step or a wait returned what such a function does not", "mend the script", "docs/language.md"},
}
