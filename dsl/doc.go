// Package dsl is the language of runbooks, worlds and scenarios: Starlark with a handful of nouns.
//
// A Loader reads a file and gives a Runbook, a World or a Suite of Scenarios, or says with a caret what is wrong with it.
// A Scenario is plain data: what to run, what goes wrong, and how it is expected to end. A Runbook is bound to parameters
// and run on a Host, which conducts: it calls the bodies of steps and waits, hands them a Site, and keeps the journal.
// Everything a script can name stands in one table, builtins.go.
//
// Two objects have two jobs. ctx conducts (step, wait, gate, manual, note); site acts, and exists only inside the
// function of a step or a wait. So all contact with the world is inside something that the journal names, and `run`
// itself is control flow over plain data.
//
// Scripts are hermetic: no file but what they load, no network, no clock, no randomness, no while and no recursion;
// modules are frozen once loaded; a script that never ends or hoards memory is stopped.
//
// The package knows no Kubernetes: objects are plain data. It imports neither runner nor sim nor fakes.
package dsl
