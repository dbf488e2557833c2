package fault

// Registry is the site's image registry.
type Registry interface {
	// CutRegistry lets nobody reach the registry until heal is called; hit is told each request.
	CutRegistry(hit func(request string)) (heal func())
	// HideArtifact lets the registry not have what it has until heal is called: a repository, or all that end with its
	// path, at a tag, "" for any. hit is told "repository:tag" each time that somebody asks for it.
	HideArtifact(repository, tag string, hit func(artifact string)) (heal func())
}
