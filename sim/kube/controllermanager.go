package kube

import "strings"

// PlaneControllers names the controllers that the kube-controller-manager of a workload cluster runs. All others of
// that program are off.
func PlaneControllers() []string { return strings.Split(planeControllers, ",") }

// ManagementControllers names those of the management cluster's.
func ManagementControllers() []string { return strings.Split(managementControllers, ",") }
