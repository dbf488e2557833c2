package clock

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestTheBarrierWaitsForServerSideApply(t *testing.T) {
	const reply = `{"apiVersion":"cluster.x-k8s.io/v1beta2","kind":"Machine","metadata":{"namespace":"ns","name":"a","resourceVersion":"8"}}`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(reply))
	}))
	defer server.Close()
	gvk := schema.GroupVersionKind{Group: "cluster.x-k8s.io", Version: "v1beta2", Kind: "Machine"}
	mapper := meta.NewDefaultRESTMapper(nil)
	mapper.Add(gvk, meta.RESTScopeNamespace)
	for _, c := range []struct {
		name  string
		apply func(client.Client, runtime.ApplyConfiguration) error
	}{
		{"object", func(c client.Client, x runtime.ApplyConfiguration) error {
			return c.Apply(context.Background(), x, client.FieldOwner("test"))
		}},
		{"status", func(c client.Client, x runtime.ApplyConfiguration) error {
			return c.Status().Apply(context.Background(), x, client.FieldOwner("test"))
		}},
	} {
		b := run(t, Options{Pace: Hold}).Barrier()
		b.addView(gvk.GroupKind())
		cl, err := b.NewClient(&rest.Config{Host: server.URL}, client.Options{Scheme: runtime.NewScheme(), Mapper: mapper})
		if err != nil {
			t.Fatal(err)
		}
		o := &unstructured.Unstructured{}
		o.SetGroupVersionKind(gvk)
		o.SetNamespace("ns")
		o.SetName("a")
		if err := c.apply(cl, client.ApplyConfigurationFromUnstructured(o)); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if got := b.outstanding(); got != 1 {
			t.Errorf("%s: got %d outstanding writes after an apply, want 1", c.name, got)
		}
	}
}
