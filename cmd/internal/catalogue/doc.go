// Package catalogue is what `rehearse explain` and docs/catalogue.md say: every fault, every code that a run can stop
// with and every invariant, in the same words. Faults come from sim/fault, invariants from runner/check, codes from the
// table of this package.
//
// The types to know are Entry, which is one of them as it is shown, and Code, a row of the table.
package catalogue
