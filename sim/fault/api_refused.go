package fault

var apiRefused = Fault{
	ID: "api-refused",
	Effect: "nobody listens where the management API should: requests end in connection refused (those of other programs, as kubectl, are cut). " +
		"Watches that stand go on. It fires at the first request",
	Symptom: "\"dial tcp …: connect: connection refused\"; controllers back off and stand, a wait of the runbook waits for an answer, and a step that " +
		"gets none fails",
	Recovery: "start the API server, or repair the load balancer before it; the controllers go on by themselves, at most 1000 s later",
	Heal:     "the API listens again",
	Source:   "sigs.k8s.io/cluster-api@v1.13.4 util/controller/builder.go, the back-off of controllers",
	Args:     []Arg{clientArg, everyArg},
	inject:   apiFails(APIRefuse, "are refused"),
}
