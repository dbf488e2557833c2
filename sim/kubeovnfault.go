package sim

// HoldAppRelease implements fault.KubeOVN.
func (t *Twin) HoldAppRelease(cluster string, hit func(name string)) (heal func(), err error) {
	w, err := t.begun(cluster)
	if err != nil {
		return nil, err
	}
	return w.releases.operator.HoldHealthCheck(hit), nil
}

// AgeProvider implements fault.KubeOVN.
func (t *Twin) AgeProvider(hit func(cluster, chart, revision string)) (upgrade func()) {
	return t.provider.Age(hit)
}
