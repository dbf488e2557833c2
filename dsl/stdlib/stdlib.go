// Package stdlib embeds the standard library of the language: what a runbook loads from @rehearse//. It is written in
// Starlark, in the words of the systems that it looks at, and knows nothing that a user's own library could not know.
package stdlib

import "embed"

// FS holds the library's files, all at the top.
//
//go:embed *.star
var FS embed.FS
