package kube

import (
	"net/http"
	"net/http/httptest"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
)

// The runner has a back-off of its own, on site time.
func TestAServerThatIsBusyIsAskedOnce(t *testing.T) {
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.Header().Set("Retry-After", "3600")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	defer s.Close()
	c, err := New(&rest.Config{Host: s.URL}, nil)
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.Interface.Resource(schema.GroupVersionResource{Version: "v1", Resource: "nodes"}).List(t.Context(), metav1.ListOptions{})
	if !apierrors.IsTooManyRequests(err) || asked != 1 {
		t.Errorf("got %v after %d requests, want one that is turned away", err, asked)
	}
}
