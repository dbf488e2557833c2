package fault

var apiErrors = Fault{
	ID:     "api-errors",
	Effect: "the management API answers requests with an error of its own. Watches that stand go on. It fires at the first request",
	Symptom: "\"Internal error occurred: …\" or \"the server is currently unable to handle the request\"; controllers back off and stand, a wait of the " +
		"runbook waits for an answer, and a step that gets none fails",
	Recovery: "repair the API server or what is behind it; the controllers go on by themselves, at most 1000 s later",
	Heal:     "the API answers again",
	Source:   "k8s.io/apimachinery@v0.35.4 pkg/api/errors NewGenericServerResponse",
	Args:     []Arg{{Name: "code", Doc: "the HTTP status", Default: "500", OneOf: []string{"500", "503", "504"}}, clientArg, everyArg},
	inject:   apiFails(APIError, "get errors"),
}
