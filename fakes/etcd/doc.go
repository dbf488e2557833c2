// Package etcd plays the stacked etcd cluster of one workload cluster as its clients see it: members, a leader,
// learners, alarms and the rule of the majority. It stores no keys: the API server's data is in a real etcd, and
// whoever owns that connection takes it away when quorum is lost, and its writes when it is full (Config.OnStorage,
// Leaderless, Full).
//
// The types to know are Cluster, which machines join and leave, and Member, what one looks like from outside. Clients
// reach a member through Cluster.Dial: gRPC over TLS with client certificates, as etcd's client port.
//
// The package imports nothing of this module but fakekit.
//
// Models:
//
//	MemberList, MemberRemove, MoveLeader, Status, Alarm with etcd's own errors; the strict reconfiguration checks of
//	MemberAdd, MemberPromote and MemberRemove, its 5 s of connection before a member may be added included; learners
//	that have to catch up; death and return of a member; loss and return of quorum; NOSPACE and CORRUPT alarms, and with
//	the first a storage that is read and not written; members, and with a majority of them a storage, that are slow; the
//	cluster's version, which rises when all members have, and refuses the process of a member that is older.
//
// Simplifies:
//
//	An election takes no time, and the first running voter by name wins. The cluster's version rises at once instead
//	of within 4 s; the version of a member whose image tag is none is not known, and it is never refused. A call that
//	cannot finish (no quorum, or a member slower than its clients are patient) is answered at once with the error that
//	a client gets in the end: the callers are controllers, site time stands still while they reconcile, and they would
//	wait in real time. A slow leader slows nobody but itself; a member that is slower than etcd's own time-out for a
//	request (7 s) counts for the storage as if it were down. Whoever clears the alarm NOSPACE has made room.
//
// Omits:
//
//	Keys, watches and leases; partitions between members (a member is up or down); adding voters without the
//	learner's stage, which kubeadm does not do since v1.32; etcd's downgrade procedure (etcdctl downgrade enable), so
//	the cluster's version never falls; the format of the data, which a member of the right version can always read.
//
// Source:
//
//	go.etcd.io/etcd/server/v3@v3.6.5 etcdserver/server.go mayAddMember, mayRemoveMember, mayPromoteMember;
//	etcdserver/api/membership/cluster.go IsReadyTo…; etcdserver/api/v3rpc; etcdserver/util.go numConnectedSince;
//	etcdserver/cluster_util.go isCompatibleWithCluster; etcdserver/version/monitor.go decideClusterVersion.
package etcd
