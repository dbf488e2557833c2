// Package cpi plays the effect of the vSphere cloud controller manager in one workload cluster: it initialises nodes.
//
// The type to know is Manager. It watches nodes through a real API server and does its work on site time; it owns no
// goroutine after its context has ended. The package imports nothing of this module but fakekit.
//
// Models:
//
//	While a Pod of the DaemonSet kube-system/vsphere-cloud-controller-manager runs, a node with the taint
//	node.cloudprovider.kubernetes.io/uninitialized gets its providerID vsphere://<BIOS UUID>, its addresses and its
//	instance type, and loses the taint. Without such a Pod the node stays as it is, and so its Machine never gets a
//	node. A node that is not Ready and whose VM is gone is deleted; one whose VM is off stays and gets the taint
//	node.cloudprovider.kubernetes.io/shutdown until it is Ready again. A node whose hostname an older VM's guest
//	reports as well is refused, and the Pods remember that VM until they are started again.
//
// Simplifies:
//
//	The Pod's configuration, credentials and logs are not read; a node is looked up by its name. Of two VMs with its
//	hostname the older one is always found, and refused at once; the real one comes to it when the search by UUID
//	fails. All Pods remember it, not only the leader.
//
// Omits:
//
//	Zones and regions, routes, load balancers.
//
// Source:
//
//	k8s.io/cloud-provider@v0.35.4 controllers/node/node_controller.go syncNode,
//	controllers/nodelifecycle/node_lifecycle_controller.go MonitorNodes; github.com/kubernetes/cloud-provider-vsphere
//	pkg/cloudprovider/vsphere/instances.go InstanceExistsByProviderID, InstanceShutdownByProviderID, InstanceID;
//	github.com/alauda/immutable-infra-docs docs/en/create-cluster/vmware-vsphere.mdx.
package cpi
