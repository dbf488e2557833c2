// Package kube is how the runner and its observer speak to a Kubernetes API: a dynamic client, the kinds that the
// server has, and which errors pass by themselves.
//
// The types to know: Client and Mapping. Objects stay plain data; the package knows no kind by name. It sends nothing
// of its own accord, never sleeps and starts no goroutine.
package kube
