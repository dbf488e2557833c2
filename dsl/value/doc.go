// Package value holds the values that a runbook computes with and the ways they travel.
//
// Version, Duration and Quantity are Starlark values that compare as what they are, never as strings. Encode and Decode
// carry the result of a step into the journal and back without a difference; Of and Plain exchange Kubernetes objects
// and other plain data with Go. A Signature unpacks the arguments of a builtin with one wording for every mistake.
//
// The package knows Starlark and package diag, nothing of Kubernetes and nothing of a runbook's life.
package value
