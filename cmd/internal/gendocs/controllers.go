package main

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/rehearse-dev/rehearse/sim/kube"
)

// off are the controllers of kube-controller-manager that no plane runs, by what follows from that.
var off = []struct {
	controllers []string
	so          string
}{
	{[]string{"persistentvolume-binder-controller", "ephemeral-volume-controller", "persistentvolume-expander-controller"},
		"a PersistentVolumeClaim stays Pending, and a Pod that mounts one is never scheduled"},
	{[]string{"persistentvolume-attach-detach-controller"},
		"no volume is ever attached, so no Machine on its way down waits for one to be detached"},
	{[]string{"persistentvolume-protection-controller", "persistentvolumeclaim-protection-controller",
		"volumeattributesclass-protection-controller"},
		"volumes and claims that are deleted keep their finalizer and stay"},
	{[]string{"cronjob-controller"}, "a CronJob starts nothing"},
	{[]string{"ttl-after-finished-controller"}, "Jobs that have ended stay, whatever their ttlSecondsAfterFinished"},
	{[]string{"horizontal-pod-autoscaler-controller"}, "nothing is scaled by its load"},
	{[]string{"replicationcontroller-controller"}, "a ReplicationController makes no Pods"},
	{[]string{"resourcequota-controller"},
		`a ResourceQuota is never counted, and the API server refuses what it would limit: "status unknown for quota"`},
	{[]string{"clusterrole-aggregation-controller"},
		"ClusterRoles that are aggregated, admin, edit and view among them, grant nothing"},
	{[]string{"certificatesigningrequest-approving-controller", "certificatesigningrequest-cleaner-controller",
		"certificatesigningrequest-signing-controller", "podcertificaterequest-cleaner-controller"},
		"no CertificateSigningRequest is approved or signed"},
	{[]string{"endpoints-controller", "endpointslice-mirroring-controller"},
		"Services have EndpointSlices and no Endpoints; Endpoints made by hand are not mirrored"},
	{[]string{"node-ipam-controller"}, "nodes have no podCIDR"},
	{[]string{"cloud-node-lifecycle-controller", "node-route-controller", "service-lb-controller"},
		"a Service of type LoadBalancer gets no address; the cloud's part in nodes is played (see the fake cpi)"},
	{[]string{"device-taint-eviction-controller", "resourceclaim-controller"},
		"a Pod that asks for devices by a ResourceClaimTemplate is never scheduled"},
	{[]string{"kube-apiserver-serving-clustertrustbundle-publisher-controller",
		"legacy-serviceaccount-token-cleaner-controller", "selinux-warning-controller", "service-cidr-controller",
		"storage-version-migrator-controller", "storageversion-garbage-collector-controller", "ttl-controller",
		"validatingadmissionpolicy-status-controller"},
		"housekeeping and status that no upgrade looks at is missing"},
}

// writeControllers says which of kube-controller-manager's controllers run, and what the absence of the others means.
func writeControllers(b *bytes.Buffer) {
	b.WriteString("### What of kube-controller-manager runs\n\nIn a workload cluster: " + named(kube.PlaneControllers()) +
		".\n\nIn the management cluster: " + named(kube.ManagementControllers()) + "; its workloads are not run.\n\n" +
		"Off, in workload clusters:\n\n| controllers | so |\n| --- | --- |\n")
	for _, row := range off {
		fmt.Fprintf(b, "| %s | %s |\n", named(row.controllers), cell(row.so))
	}
	b.WriteString("\n")
}

// named lists controllers without the word that all of their names end in.
func named(controllers []string) string {
	short := make([]string, len(controllers))
	for i, c := range controllers {
		short[i] = strings.TrimSuffix(c, "-controller")
	}
	return strings.Join(short, ", ")
}
