// Package archtest holds the project's rules that a compiler does not know, as tests over its source: which package may
// import which, which calls are made where, that tables are sorted, that fakes say what they are not, that pins agree.
//
// Each rule is a table; each row says why. To make an exception add a row with an honest reason; a row that allows
// nothing any more fails too. The package imports what it judges, and nothing imports it.
package archtest
