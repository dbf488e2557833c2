package kube

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestAConversionKeepsFieldsThatItDoesNotKnow(t *testing.T) {
	const answer = `{"response":{"uid":"1","convertedObjects":[{"kind":"T","spec":{}},{"kind":"Other","spec":{}}],"result":{"metadata":{},"status":"Success"}}}`
	asked := `{"request":{"uid":"1","objects":[{"kind":"T","spec":{"ref":{"name":"cp"}}},{"kind":"Other","spec":{"ref":{"name":"cp"}}}]}}`
	upstream := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if b, err := io.ReadAll(r.Body); err != nil || string(b) != asked {
			t.Errorf("upstream was asked %s %v", b, err)
		}
		_, _ = io.WriteString(w, answer)
	})
	w := httptest.NewRecorder()
	carry(map[string][]string{"T": {"spec", "ref"}}, upstream).ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/convert", strings.NewReader(asked)))
	var got struct {
		Response struct{ ConvertedObjects []map[string]any }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(got.Response.ConvertedObjects)
	if err != nil {
		t.Fatal(err)
	}
	const want = `[{"kind":"T","spec":{"ref":{"name":"cp"}}},{"kind":"Other","spec":{}}]`
	if string(text) != want {
		t.Errorf("got %s, want %s", text, want)
	}
}
