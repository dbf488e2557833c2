package runner_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/runner"
	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/sim/assets"
	"github.com/rehearse-dev/rehearse/sim/kube"
)

// This file tests the client against a real API server, because what a write changes is the server's to say.

var server struct {
	once sync.Once
	cfg  *rest.Config
	stop []func()
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	for _, stop := range slices.Backward(server.stop) {
		stop()
	}
	os.Exit(code)
}

// startServer starts the one API server of this package. Its processes end with this one, however that ends.
func startServer() (*rest.Config, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	set, err := assets.Lookup{Getenv: os.Getenv}.Find(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "runner-test-")
	if err != nil {
		return nil, err
	}
	server.stop = append(server.stop, func() { os.RemoveAll(dir) })
	etcd, err := kube.StartEtcd(ctx, set.Etcd, filepath.Join(dir, "etcd"))
	if err != nil {
		return nil, err
	}
	server.stop = append(server.stop, etcd.Stop)
	m, err := kube.StartManagement(ctx, kube.ManagementConfig{Dir: filepath.Join(dir, "management"),
		APIServer: set.APIServer, ControllerManager: set.ControllerManager, EtcdURL: etcd.URL, Token: "runner-test",
		Scheme: scheme.Scheme, CRDs: []*apiextensionsv1.CustomResourceDefinition{wheels()}})
	if err != nil {
		return nil, err
	}
	server.stop = append(server.stop, m.Stop)
	return m.Config, nil
}

func realAPI(t *testing.T) *rest.Config {
	t.Helper()
	server.once.Do(func() { server.cfg, server.err = startServer() })
	if server.err != nil {
		t.Fatal(server.err)
	}
	t.Cleanup(func() { // the server outlives the test
		if err := all(t, server.cfg).DeleteCollection(context.Background(), metav1.DeleteOptions{},
			metav1.ListOptions{}); err != nil {
			t.Error(err)
		}
	})
	return rest.CopyConfig(server.cfg)
}

// wheels is a kind in two versions, the older one deprecated, with a field that is immutable.
func wheels() *apiextensionsv1.CustomResourceDefinition {
	fields := &apiextensionsv1.CustomResourceValidation{OpenAPIV3Schema: &apiextensionsv1.JSONSchemaProps{Type: "object",
		Properties: map[string]apiextensionsv1.JSONSchemaProps{"spec": {Type: "object",
			Properties: map[string]apiextensionsv1.JSONSchemaProps{
				"size": {Type: "integer"}, "color": {Type: "string", Default: &apiextensionsv1.JSON{Raw: []byte(`"black"`)}},
				"maker": {Type: "string", XValidations: []apiextensionsv1.ValidationRule{
					{Rule: "self == oldSelf", Message: "maker field is immutable. Please create a new resource instead."}}},
			}}}}}
	return &apiextensionsv1.CustomResourceDefinition{
		ObjectMeta: metav1.ObjectMeta{Name: "wheels.cars.example.com"},
		Spec: apiextensionsv1.CustomResourceDefinitionSpec{
			Group: "cars.example.com", Scope: apiextensionsv1.NamespaceScoped,
			Names: apiextensionsv1.CustomResourceDefinitionNames{Plural: "wheels", Singular: "wheel", Kind: "Wheel",
				ListKind: "WheelList", ShortNames: []string{"wh"}},
			Versions: []apiextensionsv1.CustomResourceDefinitionVersion{
				{Name: "v1beta1", Served: true, Deprecated: true, Schema: fields},
				{Name: "v1beta2", Served: true, Storage: true, Schema: fields},
			},
		},
	}
}

// act runs one write step on the real server and returns its result.
func act(t *testing.T, s *site, f func(context.Context, dsl.Cluster) error) runner.Result {
	t.Helper()
	return newRig(t, s).run(t, steps(action{writing("a"), func(ctx context.Context, s dsl.Site) (dsl.Result, error) {
		return dsl.Result{}, f(ctx, s.Cluster(""))
	}}))
}

func wheel(name string, spec object) dsl.Object {
	return dsl.Object{"apiVersion": "cars.example.com/v1beta2", "kind": "Wheel",
		"metadata": object{"name": name, "namespace": "default", "labels": object{"car": "a"}}, "spec": spec}
}

// all is every wheel.
func all(t *testing.T, cfg *rest.Config) dynamic.ResourceInterface {
	t.Helper()
	d, err := dynamic.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r := schema.GroupVersionResource{Group: "cars.example.com", Version: "v1beta2", Resource: "wheels"}
	return d.Resource(r).Namespace("default")
}

// foreign makes a wheel that is managed by somebody else.
func foreign(t *testing.T, cfg *rest.Config) {
	t.Helper()
	w := &unstructured.Unstructured{Object: wheel("foreign", object{"size": int64(7)})}
	if _, err := all(t, cfg).Create(t.Context(), w, metav1.CreateOptions{FieldManager: "somebody"}); err != nil {
		t.Fatal(err)
	}
}

func ref(name string) dsl.Ref { return dsl.Ref{Kind: "Wheel", Namespace: "default", Name: name} }

func TestWritesOnARealServer(t *testing.T) {
	s := newSite(t, realAPI(t))
	foreign(t, s.api)
	spec := object{"size": int64(17), "maker": "acme"}
	apply := func(size int64) func(context.Context, dsl.Cluster) error {
		return func(ctx context.Context, c dsl.Cluster) error {
			_, err := c.Apply(ctx, wheel("applied", object{"size": size}))
			return err
		}
	}
	patch := func(pt dsl.PatchType, patch any) func(context.Context, dsl.Cluster) error {
		return func(ctx context.Context, c dsl.Cluster) error {
			_, err := c.Patch(ctx, ref("created"), pt, patch)
			return err
		}
	}
	create := func(ctx context.Context, c dsl.Cluster) error {
		_, err := c.Create(ctx, wheel("created", spec))
		return err
	}
	remove := func(ctx context.Context, c dsl.Cluster) error { return c.Delete(ctx, ref("created")) }
	tests := []struct {
		name    string
		do      func(context.Context, dsl.Cluster) error
		outcome journal.Outcome
		message string
	}{
		{"create", create, journal.Done, ""},
		{"create the same again, although the server has added a default", create, journal.Noop, ""},
		{"apply", apply(18), journal.Done, ""},
		{"apply the same again", apply(18), journal.Noop, ""},
		{"apply another", apply(19), journal.Done, ""},
		{"merge patch", patch(dsl.MergePatch, object{"spec": object{"color": "red"}}), journal.Done, ""},
		{"merge patch of what is so", patch(dsl.MergePatch, object{"spec": object{"color": "red"}}), journal.Noop, ""},
		{"JSON patch", patch(dsl.JSONPatch, []any{object{"op": "replace", "path": "/spec/size", "value": int64(20)}}),
			journal.Done, ""},
		{"JSON patch of what is so", patch(dsl.JSONPatch, []any{object{"op": "replace", "path": "/spec/size",
			"value": int64(20)}}),
			journal.Noop, ""},
		{"a field that the server does not know", patch(dsl.MergePatch, object{"spec": object{"tyre": "x"}}), journal.Failed,
			`unknown field "spec.tyre"`},
		{"a field that may not change", patch(dsl.MergePatch, object{"spec": object{"maker": "other"}}), journal.Failed,
			"maker field is immutable. Please create a new resource instead."},
		{"apply over what we have patched ourselves", func(ctx context.Context, c dsl.Cluster) error {
			_, err := c.Apply(ctx, wheel("created", object{"size": int64(1), "maker": "acme"}))
			return err
		}, journal.Done, ""},
		{"apply over what another has written", func(ctx context.Context, c dsl.Cluster) error {
			_, err := c.Apply(ctx, wheel("foreign", object{"size": int64(1)}))
			return err
		}, journal.Failed, `conflict with "somebody"`},
		{"delete", remove, journal.Done, ""},
		{"delete again", remove, journal.Noop, ""},
		{"patch what is not there", patch(dsl.MergePatch, object{}), journal.Failed, "Wheel default/created: not found"},
	}
	for _, tt := range tests {
		got := act(t, s, tt.do).Run.Steps[0].End
		if got.Outcome != tt.outcome || !strings.Contains(got.Message, tt.message) {
			t.Errorf("%s: got %s %q, want %s %q", tt.name, got.Outcome, got.Message, tt.outcome, tt.message)
		}
	}
}

func TestReadsOnARealServer(t *testing.T) {
	cfg := realAPI(t)
	k, err := kubernetes.NewForConfig(cfg)
	if err != nil {
		t.Fatal(err)
	}
	_, err = k.CoreV1().Events("default").Create(t.Context(), &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "e"}, Message: "ouch", LastTimestamp: metav1.NewTime(time.Unix(100, 0)),
		InvolvedObject: corev1.ObjectReference{Kind: "Wheel", Namespace: "default", Name: "b"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	r := newRig(t, newSite(t, cfg))
	var names, events []string
	var version any
	got := r.run(t, steps(action{writing("a"), func(ctx context.Context, s dsl.Site) (dsl.Result, error) {
		c := s.Cluster("")
		for _, name := range []string{"c", "b"} {
			w := wheel(name, object{"size": int64(1)})
			w["metadata"].(object)["labels"] = object{"car": "b"}
			if _, err := c.Create(ctx, w); err != nil {
				return dsl.Result{}, err
			}
		}
		for _, kind := range []string{"Wheel", "wh", "wheels.v1beta1.cars.example.com", "wheels.v1beta1.cars.example.com"} {
			l, err := c.List(ctx, kind, "", "car=b")
			if err != nil {
				return dsl.Result{}, err
			}
			for _, o := range l {
				names = append(names, o["apiVersion"].(string)+" "+o["metadata"].(object)["name"].(string))
			}
		}
		o, err := c.Get(ctx, ref("b"))
		if err != nil {
			return dsl.Result{}, err
		}
		version = o["spec"].(object)["size"]
		l, err := c.Events(ctx, ref("b"))
		for _, e := range l {
			events = append(events, e["message"].(string))
		}
		return dsl.Result{}, err
	}}))
	expect(t, got, journal.Pass, runner.ExitPass, "a done")
	want := []string{"cars.example.com/v1beta2 b", "cars.example.com/v1beta2 c", "cars.example.com/v1beta2 b",
		"cars.example.com/v1beta2 c", "cars.example.com/v1beta1 b", "cars.example.com/v1beta1 c",
		"cars.example.com/v1beta1 b", "cars.example.com/v1beta1 c"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Error("lists (-want +got):\n" + diff)
	}
	if version != int64(1) || len(events) == 0 || events[0] != "ouch" {
		t.Errorf("got size %T and events %v, want an int64 and the event", version, events)
	}
	const deprecated = "server: cars.example.com/v1beta1 Wheel is deprecated; use cars.example.com/v1beta2 Wheel"
	if w := got.Run.Warnings; len(w) != 1 || w[0].Text != deprecated {
		t.Errorf("got warnings %v, want one of the deprecated version", w)
	}
}
