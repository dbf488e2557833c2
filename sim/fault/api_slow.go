package fault

var apiSlow = Fault{
	ID:       "api-slow",
	Effect:   "the management API takes longer to answer the controllers; the runbook and people are not delayed, and watches go on. It fires at the first request",
	Symptom:  "everything that controllers do takes longer, machines move late through their phases, and waits come near their limits; nothing fails by itself",
	Recovery: "find out what keeps the API server or its etcd busy; the controllers need no repair",
	Heal:     "the API answers as fast as before",
	Source:   "guess: the delay",
	Args: []Arg{{Name: "delay", Doc: "site time that an answer takes longer", Default: "5s", Kind: Duration},
		{Name: "client", Doc: "whose requests: those of all controllers, or of one controller manager", Default: "controllers", OneOf: append([]string{"controllers"}, controllers...)}, everyArg},
	inject: apiFails(APISlow, "are slow"),
}
