// Package view shows the progress of a run on stderr while it goes on: a live tree of steps, with the machines under
// the one that runs, on a terminal; one line per event elsewhere; nothing when it is told to be quiet.
//
// The types to know: Mode (ModeOf chooses it) and View, which listens to a journal. What is shown is a pure function of
// the journal's fold, the two times and the size of the terminal; around it is a thin writer. Texts that come from a
// site are stripped of control characters, since a terminal obeys them.
//
// The package imports the journal and the report's way to write durations. It asks functions for both times; the live
// view is drawn by ticks of real time, which the caller gives, because it is a person who watches.
package view
