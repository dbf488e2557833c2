package journal

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestDiffTellsWhatChangedAndNoSecret(t *testing.T) {
	for name, row := range map[string]struct {
		kind, before, after string
		want                []string // path: old -> new
	}{
		"nothing": {"ConfigMap", `{"a":1,"b":[1]}`, `{"b":[1],"a":1}`, nil},
		"a field, one that goes and one that comes": {"KubeadmControlPlane", `{"spec":{"version":"v1.33.7","old":{"x":1}}}`,
			`{"spec":{"version":"v1.34.5","new":true}}`,
			[]string{`spec.version: "v1.33.7" -> "v1.34.5"`, `spec.old: {"x":1} -> `, `spec.new:  -> true`}},
		"names with dots": {"Cluster", `{"metadata":{"annotations":{}}}`, `{"metadata":{"annotations":{"cpaas.io/v":"1"}}}`,
			[]string{`metadata.annotations["cpaas.io/v"]:  -> "1"`}},
		"an item, and a list that grew": {"X", `{"a":[{"n":1},2],"b":[1]}`, `{"a":[{"n":3},2],"b":[1,2]}`,
			[]string{`a[0].n: 1 -> 3`, `b: [1] -> [1,2]`}},
		"another kind of value": {"X", `{"a":[1]}`, `{"a":{"b":1}}`, []string{`a: [1] -> {"b":1}`}},
		"null is a value":       {"X", `{"a":null}`, `{}`, []string{`a: null -> `}},
		"a Secret's data": {"Secret", `{"data":{"k":"b2xk","gone":"eA=="},"metadata":{"labels":{"a":"1"}}}`,
			`{"data":{"k":"bmV3"},"metadata":{"labels":{"a":"2"}}}`,
			[]string{`data.k: "[redacted]" -> "[redacted]"`, `data.gone: "[redacted]" -> `, `metadata.labels.a: "1" -> "2"`}},
		"a password in something else": {"VSphereCluster", `{"spec":{"password":"hunter1"}}`, `{"spec":{"password":"hunter2"}}`,
			[]string{`spec.password: "[redacted]" -> "[redacted]"`}},
		"the contents of a file": {"KubeadmConfigTemplate", `{"files":[{"path":"/k","content":"key1"}]}`,
			`{"files":[{"path":"/k","content":"key2"},{"path":"/l","content":"key3"}]}`,
			[]string{`files: [{"path":"/k","content":"[redacted]"}] -> [{"path":"/k","content":"[redacted]"},{"path":"/l","content":"[redacted]"}]`}},
		"annotations that repeat the object": {"KubeadmControlPlane",
			`{"metadata":{"annotations":{"cluster.x-k8s.io/conversion-data":"{password: a}"}}}`,
			`{"metadata":{"annotations":{"cluster.x-k8s.io/conversion-data":"{password: b}","kubectl.kubernetes.io/last-applied-configuration":"c"}}}`, nil},
		"an annotation of that kind, the first one": {"Cluster", `{"metadata":{}}`,
			`{"metadata":{"annotations":{"cluster.x-k8s.io/conversion-data":"{password: b}"}}}`, []string{`metadata.annotations:  -> {}`}},
		"a list that a Secret hides": {"Secret", `{"data":[1]}`, `{"data":[2]}`, []string{`data: "[redacted]" -> "[redacted]"`}},
	} {
		t.Run(name, func(t *testing.T) {
			changes, err := Diff(row.kind, json.RawMessage(row.before), json.RawMessage(row.after))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range changes {
				got = append(got, c.Path+": "+string(c.Old)+" -> "+string(c.New))
			}
			if diff := cmp.Diff(row.want, got); diff != "" {
				t.Error("(-want +got):\n" + diff)
			}
		})
	}
}

func TestDiffOfWhatIsNoObjectIsAnError(t *testing.T) {
	_, err := Diff("X", json.RawMessage(`{}`), json.RawMessage(`{`))
	if err == nil || !strings.Contains(err.Error(), "diff: after") {
		t.Errorf("got %v, want an error that says which", err)
	}
}
