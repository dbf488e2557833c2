package fault

var apiThrottled = Fault{
	ID: "api-throttled",
	Effect: "the management API turns requests away with 429 and Retry-After; clients ask again, the controllers' ten times. Watches that stand go on. " +
		"It fires at the first request",
	Symptom: "\"the server has received too many requests and has asked us to try again later\"; controllers back off and stand, a wait of the runbook " +
		"waits for an answer, and a step that gets none fails",
	Recovery: "find out which client floods the API, or widen its priority level; the controllers go on by themselves, at most 1000 s later",
	Heal:     "the API takes requests again",
	Source:   "k8s.io/client-go@v0.35.4 rest/with_retry.go; k8s.io/apiserver@v0.35.4 pkg/server/filters/priority-and-fairness.go",
	Args:     []Arg{{Name: "retry-after", Doc: "what the API asks for", Default: "1s", Kind: Duration}, clientArg, everyArg},
	inject:   apiFails(APIThrottle, "are turned away with 429"),
}
