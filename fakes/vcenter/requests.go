package vcenter

import (
	"bytes"
	"io"
	"net/http"
)

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
		next.ServeHTTP(w, r)
	})
}
