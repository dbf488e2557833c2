// Package kubeovn delivers Kube-OVN to workload clusters: the part of the vendor's vSphere provider that keeps an
// AppRelease in step with annotations of the Cluster, and the operator on the workload cluster that rolls an
// AppRelease out.
//
// The types to know are Provider (management side, one for all clusters), Operator (one per workload cluster), Phase
// and Edge (the operator's life cycle and where it can be made to fail). The package imports fakekit, Cluster API and
// CAPV types and controller-runtime's client, nothing else of this module. Nothing in it waits: Reconcile says when
// it wants to be called again, in site time, and whoever drives it also calls it when the objects change.
//
// Models:
//
//	The gating annotation, without which nothing at all happens; a missing registry address or CIDR in the condition
//	KubeOvnAppReleaseReady of the VSphereCluster; the deferral while control-plane Nodes are missing or a
//	control-plane Machine is being deleted; the chart's name by version; a spec that is overwritten as a whole.
//	All phases of the AppRelease API; installedRevision that flips in HealthChecking already; a chart that is asked
//	for in the registry; failures that stay until their cause is gone and somebody touches the object or the next
//	interval sync comes (every minute: an invention).
//
// Simplifies:
//
//	The phase of a chart lasts for a configured time: no pods of Kube-OVN are deployed or looked at. An upgrade whose
//	chart is in the registry does not show Downloading. The deferral is shown in the condition, as being reconciled.
//	The chart's values hold the network ranges and the registry, and are not a real chart's. The conditions Validate
//	and Health, and the reasons of Sync other than Syncing and Synced, are our words. On a VSphereCluster of the
//	upstream API the condition is written to both lists (v1beta1 and v1beta2); CAPV's patch helper keeps conditions
//	that it does not own, and does not count them into Ready, so the two do not fight.
//
// Omits:
//
//	Whatever else providers before v1.0.16 did than naming the chart wrong (Provider.Age); ModulePlugins (a Cluster
//	without cpaas.io/kube-ovn-version is a configuration error); the other providers' gates; the effect of Kube-OVN on
//	nodes and pods; chart pull secrets; helm histories.
//
// Source: 000_d64b8bff74bf7917.txt; github.com/alauda/immutable-infra-docs docs/en/upgrade-cluster/index.mdx and
// docs/en/create-cluster/vmware-vsphere.mdx.
package kubeovn
