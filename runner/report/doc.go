// Package report shows what happened in a run. Every report is a pure function of a journal's fold: the same journal
// gives the same bytes, at the end of a run and years later.
//
// The types to know: Format (a row of Formats, the table) and JSON's result, Object, which is the published machine
// form. The package imports the journal and nothing else of this project; it reads no clock, no file and no terminal.
package report
