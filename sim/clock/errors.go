package clock

import (
	"sync"

	utilruntime "k8s.io/apimachinery/pkg/util/runtime"
)

// errorsTakeNoTime takes away what client-go does with an error that it can return to nobody beside logging it: it waits
// until a millisecond of time.Now has passed since the last one, in real time. Once a clock has ended and time.Now is back
// where it was, that is as long as site time has passed: whoever ends a twin of a night would wait for a night.
// Source: k8s.io/apimachinery@v0.35.4 pkg/util/runtime rudimentaryErrorBackoff.
var errorsTakeNoTime = sync.OnceFunc(func() { utilruntime.ErrorHandlers = utilruntime.ErrorHandlers[:1] })
