// Package journal is the black box of a run: an append-only file of JSON lines, one event per line, each with the hash
// of the line before. Everything that is shown about a run can be recomputed from it.
//
// The types to know: Event and the bodies of event.go (the vocabulary), Writer (the one that writes), Run (what a
// journal adds up to; reports and resume read nothing else). Secrets never enter a journal: the Writer takes them out.
//
// It never imports Kubernetes, the language, or a clock: times are asked from functions that the caller gives.
package journal
