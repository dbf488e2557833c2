package rehearsal

import "runtime/debug"

// CollectLess lets this process collect its garbage a quarter as often as usual, for its main function to call. A twin's
// controllers make much of it; on two cores that is a second and a half of a rehearsal, for some 130 MiB. What $GOGC says
// goes first.
func CollectLess(getenv func(string) string) {
	if getenv("GOGC") == "" {
		debug.SetGCPercent(400)
	}
}
