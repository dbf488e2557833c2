// Package expect judges a run by what its scenario wanted, and says whether two runs were the same.
//
// The functions to know are Verdict and Differences. Both are pure functions of journals: a run can be judged again years
// later. The package imports the language's Expectation and the journal, and nothing else of this project.
package expect
