// Package vcenter is a vCenter for a twin: govmomi's vcsim, with the site's inventory and with tasks that take their
// time on the site's clock.
//
// The types to know are Config, VCenter (made by Start), Place (where machines live), Template and Fault. The package
// imports fakekit and govmomi, nothing else of this module, and no Kubernetes.
//
// Models:
//
//	The SOAP and REST protocols with logins that refuse a wrong password; inventory under the site's own names;
//	cloning from VM templates, reconfiguring, power, guest shutdown and destruction as tasks that run for a
//	configured time; what VMware Tools reports; guestinfo as the provider writes it; faults by method, VM and count,
//	a service that has stopped, an account that is not accepted, tasks that take long.
//	Virtual disks with a file of their own: attached and detached by reconfiguration, kept when they are off a VM that is
//	destroyed and deleted with one that has them; a UUID that belongs to the file; the lock of a VM that runs on them.
//
// Simplifies:
//
//	A task checks its preconditions when it ends, not when it is called. Sessions do not expire. VMs go to the host of
//	their pool's cluster that has the fewest. Everything that has no duration in the table takes no time.
//	A template is in every datacenter. Clusters have three hosts; every host sees every datastore and network.
//	vCenter's messages for failed tasks are the names of the faults unless a Fault brings its own.
//
// Omits:
//
//	Permissions, capacity (nothing is ever full unless a Fault says so), vMotion, HA, distributed switches, storage
//	pods, guest operations, folders of datastores and networks.
//
// Source: github.com/vmware/govmomi@v0.53.0 package simulator; how the vSphere provider uses it:
// sigs.k8s.io/cluster-api-provider-vsphere@v1.16.1 pkg/session, pkg/services/govmomi.
package vcenter
