package sim

import "github.com/rehearse-dev/rehearse/fakes/registry"

// CutRegistry implements fault.Registry.
func (t *Twin) CutRegistry(hit func(request string)) (heal func()) {
	return t.registry.Inject(registry.Fault{Effect: registry.Reset, Fired: hit})
}

// HideArtifact implements fault.Registry.
func (t *Twin) HideArtifact(repository, tag string, hit func(artifact string)) (heal func()) {
	return t.registry.Inject(registry.Fault{Repository: repository, Tag: tag, Effect: registry.Missing, Fired: func(path string) { hit(registry.Artifact(path)) }})
}
