package dsl

import "regexp"

var (
	kebab   = regexp.MustCompile(`^[a-z0-9]+([-.][a-z0-9]+)*$`)
	faultID = regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*(#[0-9]+)?$`) // the second fault of a kind in a run is ID#2
)

// IsKebab reports whether an id is kebab-case: small letters, digits and hyphens. Dots are allowed, because ids are
// made of object names and those may have them.
func IsKebab(id string) bool { return kebab.MatchString(id) }
