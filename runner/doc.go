// Package runner runs a runbook on a site, writes the journal and gives the verdict.
//
// The types to know: Options and Result (one run), Site, Clock and Person (what a run is given), and behind the
// language's seam the host, which conducts (steps, waits, gates, manual steps, resume), and the clients that act on
// clusters, vCenter and registry. Around them: journal (the record), check (the invariants), report and view (what
// people see), kube (the client). Run is the only door.
//
// A run holds a Busy token of the site's clock all the time, but for the sleeps of its waits and back-offs, so that
// site time stands still while a runbook works, reads and writes, and while a person thinks.
//
// The package never imports the simulator, a fake, a controller or the command line, and it does not know whether a
// site is a twin. Real time is read nowhere; requests have a time-out in real time, since a server that hangs does so.
package runner
