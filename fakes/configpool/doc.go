// Package configpool is the VSphereMachineConfigPool of the vendor's vSphere provider, a fork of CAPV: slots with a
// hostname, an address and persistent disks that follow the slot from one machine to the next. CAPV itself runs
// unforked beside it.
//
// The types to know are Provider (its Reconcile keeps pools, Admit gives slots to machines, Release takes them back),
// State and Storage (the datastores, which the twin's vCenter stands behind). The package imports fakekit, Cluster API
// and CAPV types and controller-runtime's client, nothing else of this module. Decisions are pure: next for a slot by
// itself, allocate and release for the machines that come and go.
//
// Models:
//
//	The published definition of the kind, and the field machineConfigPoolRef of VSphereMachine and
//	VSphereMachineTemplate, which upstream's definitions lack. A slot's life: Available, InUse, Released; taken first by
//	the machine that has it, then the first released, then the first free one that its datacenter fits; given back when
//	the VM is gone from vCenter and no VM has a disk of it, which is warned of every 30 s (PersistentDiskStillAttached);
//	reclaimed after releaseDelayHours, one vCenter task per disk, looked at every 15 s, tried again a minute after a
//	failure, a missing file counting as deleted; an InUse slot whose VSphereMachine vanished. One consumer per pool, and
//	ConsumerUnbound. The conditions ClusterRefReady and VCenterAvailable of a pool and MachineConfigPoolReady of a
//	VSphereMachine, with their reasons and messages. Of newer providers' conditions MembersUnique, with its reasons, once
//	two slots have shared a hostname or an address. Network identity: the VSphereVM gets the slot's devices and
//	datacenter, the guest its hostname, and so its Node; the VM keeps the name of its Machine. Disks: real files and
//	devices in vCenter, with a UUID that stays; they are part of the clone and taken off before the VM is switched off.
//	The admission of KubeadmControlPlanes and MachineDeployments whose template or pool is missing, or whose pool is
//	somebody else's, with the provider's words of the time (github.com/alauda/cluster-api-provider-vsphere
//	webhooks: "referenced VSphereMachineTemplate does not exist", "referenced resource pool does not exist").
//
// Simplifies:
//
//	What the fork does inside CAPV happens at its edges. A slot is allocated by a webhook when CAPV stores the VSphereVM;
//	without one the VSphereVM is refused and CAPV tries again, as the fork does, with an error that begins with the
//	webhook's name. What the fork adds to the clone request, vCenter adds when it clones; the detaching of disks is part
//	of the task that switches the VM off or destroys it. A finalizer of ours on the VSphereVM (machine-config-slot.
//	twin.rehearse.dev) stands for the fork's last steps before it lets a VSphereVM go. The guest gets its hostname and
//	table of disks under guestinfo.machine-config-slot.*; CAPV's metadata names the Machine. The pool talks to vCenter in
//	process: it is not cut off with vCenter. Disks lie in a folder POOL-HOSTNAME of their datastore, an invention. A disk
//	is formatted by nobody: what is modelled of its content is that kubeadm refuses to join on a var-lib-etcd that
//	another machine has used and that is not wiped (wipeFilesystem); with it, etcd's data comes back by joining.
//	maxSurge above 0 with a pool is admitted, as the documents have it, and fails by exhaustion. MembersUnique=False is
//	said, in words of our own, and keeps nobody from a slot: whether it does in newer providers is not published. Of slots
//	with one hostname only the first one counts. A machine does not join while another one is on that has its address;
//	one that has joined suffers nothing. On a site it is chance which of them suffers, and when. A Released slot may be
//	taken while one of its disks is being reclaimed: the clone then fails, and the slot has to be mended by hand; what a
//	provider does there is not known.
//
// Omits:
//
//	What newer providers have and the published definition has not: counters and persistentDiskStatuses in the status,
//	the conditions Ready, MembersValid, SlotAvailable and PersistentDisksReady, ephemeral disks, printer
//	columns, the webhook that protects allocated slots. spec.slot is not a field: it is pruned. storagePolicy has no
//	effect. Failure domains that a pool has exhausted (FailureDomainsExhaustedByMachineConfigPool).
//
// Source: 000_d64b8bff74bf7917.txt, Disk Preservation Model; github.com/alauda/immutable-infra-docs docs/shared/crds and
// docs/en/create-cluster/vmware-vsphere.mdx; github.com/alauda/cluster-api-provider-vsphere
// controllers/vspheremachineconfigpool_controller.go, controllers/vspherevm_controller.go, pkg/services.
package configpool
