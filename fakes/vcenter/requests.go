package vcenter

import (
	"bytes"
	"io"
	"net/http"

	"github.com/vmware/govmomi/vim25"
)

// refusal is the status that a request is refused with whatever it asks for, 0 in the usual case. Calls of SOAP by an
// account that is not accepted have a refusal of their own.
func (v *VCenter) refusal(r *http.Request) int {
	what := r.Method + " " + r.URL.Path
	switch {
	case v.faults.hit(ofService, "", what) != nil:
		return http.StatusServiceUnavailable
	case r.URL.Path != vim25.Path && v.faults.hit(ofSessions, "", what) != nil:
		return http.StatusUnauthorized
	}
	return 0
}

// watchRequests tells the clock of every request, SOAP and REST. Site time stands still while one is served, but for
// the long poll of a property collector, which lasts until something happens.
func (v *VCenter) watchRequests(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v.clock.Touch()
		defer v.clock.Touch()
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if !bytes.Contains(body, []byte("WaitForUpdatesEx")) {
			defer v.clock.Busy("vcenter/request " + r.URL.Path)()
		}
		if refusal := v.refusal(r); refusal != 0 {
			http.Error(w, http.StatusText(refusal), refusal)
			return
		}
		next.ServeHTTP(w, r)
	})
}
