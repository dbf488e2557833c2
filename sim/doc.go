// Package sim builds a twin of a site: a management cluster with the real Cluster API and vSphere controllers, a
// vCenter, real control planes of workload clusters over simulated machines, a registry, and one clock for all.
//
// The types to know are World (what to build), Plan (a World whose manifests were read and checked: Load) and Twin (the
// running thing: Plan.Start). A twin is reached through its own servers' protocols; what only a twin can do (faults, its
// clock) are methods of Twin. The package never imports the runner or the language.
package sim
