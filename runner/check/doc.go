// Package check is the jury: invariants, claims that are watched during the whole run.
//
// The types to know: Invariant (one claim, one file each; the table is in check.go), Judge (applies them to the events
// of a journal, one after the other, during the run and offline alike; it also says what going back would mean) and
// Observer (watches the management cluster, and the workload clusters through their endpoints, and turns what it sees
// into events). An invariant is a pure function of the Estate, which the events add up to, so
// that a saved journal is judged exactly as the run was.
//
// The package never acts on a site, and never imports the runner, the simulator or Cluster API's Go types: it reads
// the published fields of the objects, in whichever version the site serves them.
package check
