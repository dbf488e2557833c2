// Package registry is the site's image registry for a twin: go-containerregistry's, in this process, with the
// artifacts that the world says were synchronised.
//
// The types to know are Config, Registry (made by Start) and Fault. The package imports fakekit and
// go-containerregistry, nothing else of this module.
//
// Models:
//
//	The OCI distribution API over plain HTTP: push, pull, HEAD, tag lists, deletion by tag; being unreachable, out of
//	order, or without a manifest that should be there. Whoever asks the registry meets such a fault: nodes, the
//	delivery of Kube-OVN, and a runbook.
//
// Simplifies:
//
//	An artifact of the world is an image without layers that carries its own name; nobody reads more of a chart than
//	that it exists. The nodes of a twin ask it for images by the site's own name of the registry. What it answers
//	counts, but for a repository in which the world has no artifact: of that the world says nothing, and every image in
//	it is taken as synchronised. Images of other registries can always be pulled, as nothing is modelled of those. A
//	registry that refuses connections accepts them and resets them.
//
// Omits:
//
//	Authentication, TLS, storage limits, mirrors, garbage collection, charts with content.
//
// Source: github.com/google/go-containerregistry pkg/registry; which repositories hold charts and images:
// 000_d64b8bff74bf7917.txt and 001_b91d9add2570b717.txt.
package registry
