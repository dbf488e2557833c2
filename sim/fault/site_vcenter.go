package fault

import "github.com/rehearse-dev/rehearse/fakes/vcenter"

// VCenter is the vCenter of the site.
type VCenter interface {
	// FailVCenter arms a fault of vCenter until heal is called, which also lets go of what it holds.
	FailVCenter(f vcenter.Fault) (heal func())
	// Datastores are those that the machines' templates name, sorted.
	Datastores() []string
}
