package kube

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"slices"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// convertPath is where controller-runtime registers the conversion of all kinds.
const convertPath = "/convert"

// carry lets objects keep fields over a conversion that does not know them, and that have the same place in all versions.
// fields are their paths, by kind.
func carry(fields map[string][]string, convert http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(asked))
		answer := &reply{header: w.Header(), code: http.StatusOK}
		convert.ServeHTTP(answer, r)
		body := answer.body.Bytes()
		if answer.code == http.StatusOK {
			body = carryAll(fields, asked, body)
		}
		w.Header().Del("Content-Length")
		w.WriteHeader(answer.code)
		_, _ = w.Write(body)
	})
}

// reply holds what a handler answers.
type reply struct {
	header http.Header
	code   int
	body   bytes.Buffer
}

// Header is for http.ResponseWriter.
func (r *reply) Header() http.Header { return r.header }

// WriteHeader is for http.ResponseWriter.
func (r *reply) WriteHeader(code int) { r.code = code }

// Write is for http.ResponseWriter.
func (r *reply) Write(b []byte) (int, error) { return r.body.Write(b) }

// carryAll returns the answer with the fields of what was asked. An answer that it does not understand stays as it is.
func carryAll(fields map[string][]string, asked, answer []byte) []byte {
	var before, after apiextensionsv1.ConversionReview
	if json.Unmarshal(asked, &before) != nil || json.Unmarshal(answer, &after) != nil || before.Request == nil || after.Response == nil ||
		after.Response.Result.Status != metav1.StatusSuccess || len(before.Request.Objects) != len(after.Response.ConvertedObjects) {
		return answer
	}
	changed := false
	for i, o := range before.Request.Objects {
		if b, ok := carryOne(fields, o.Raw, after.Response.ConvertedObjects[i].Raw); ok {
			after.Response.ConvertedObjects[i], changed = runtime.RawExtension{Raw: b}, true
		}
	}
	if !changed {
		return answer
	}
	out, err := json.Marshal(after)
	if err != nil {
		return answer
	}
	return out
}

func carryOne(fields map[string][]string, from, to []byte) ([]byte, bool) {
	var a, b unstructured.Unstructured
	if a.UnmarshalJSON(from) != nil || b.UnmarshalJSON(to) != nil {
		return nil, false
	}
	path, ok := fields[a.GetKind()]
	if !ok {
		return nil, false
	}
	v, found, err := unstructured.NestedFieldCopy(a.Object, path...)
	if !found || err != nil || unstructured.SetNestedField(b.Object, v, slices.Clone(path)...) != nil {
		return nil, false
	}
	out, err := b.MarshalJSON()
	return out, err == nil
}
