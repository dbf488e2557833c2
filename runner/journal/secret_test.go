package journal

import (
	"fmt"
	"os"
	"testing"
)

func TestRedactPatch(t *testing.T) {
	tests := []struct{ name, kind, patch, want string }{
		{"data of a Secret goes, its keys stay", "Secret",
			`{"metadata":{"labels":{"a":"b"}},"data":{"ca":"xx"},"stringData":{"k":"yy"}}`,
			`{"metadata":{"labels":{"a":"b"}},"data":{"ca":"[redacted]"},"stringData":{"k":"[redacted]"}}`},
		{"a removed key of a Secret is no secret", "secrets.v1.", `{"data":{"ca":null}}`, `{"data":{"ca":null}}`},
		{"a JSON patch of a Secret keeps its labels", "Secret",
			`[{"op":"add","path":"/metadata/labels/a","value":"b"},{"op":"add","path":"/data","value":{"ca":"xx"}}]`,
			`[{"op":"add","path":"/metadata/labels/a","value":"b"},` +
				`{"op":"add","path":"/data","value":{"ca":"[redacted]"}}]`},
		{"kubectl's copy of a Secret goes", "Secret",
			`{"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"{xx}"}}}`,
			`{"metadata":{"annotations":{"kubectl.kubernetes.io/last-applied-configuration":"[redacted]"}}}`},
		{"other kinds stay as they are, numbers too", "KubeadmControlPlane",
			`{"spec":{"version":"v1.34.5","replicas":3,"big":12345678901234567890}}`,
			`{"spec":{"version":"v1.34.5","replicas":3,"big":12345678901234567890}}`},
		{"names that tell of a secret go in every kind", "KubeadmConfig",
			`{"users":[{"name":"boot","passwd":"$6$x"}],"bootstrapTokens":[{"token":"abc.def"}],"aws_secret-key":"k"}`,
			`{"users":[{"name":"boot","passwd":"[redacted]"}],"bootstrapTokens":[{"token":"[redacted]"}],` +
				`"aws_secret-key":"[redacted]"}`},
		{"so does what is in files", "KubeadmConfig",
			`{"files":[{"path":"/etc/kubernetes/encryption-provider.conf","content":"aes"}]}`,
			`{"files":[{"path":"/etc/kubernetes/encryption-provider.conf","content":"[redacted]"}]}`},
		{"and the value of a JSON patch under such a name", "KubeadmConfig",
			`[{"op":"replace","path":"/spec/users/0/passwd","value":"x"},{"op":"replace","path":"/spec/a","value":"y"}]`,
			`[{"op":"replace","path":"/spec/users/0/passwd","value":"[redacted]"},` +
				`{"op":"replace","path":"/spec/a","value":"y"}]`},
		{"kubectl's copy goes in every kind, for it holds the whole object", "KubeadmConfig",
			`[{"op":"add","path":"/metadata/annotations","value":{"kubectl.kubernetes.io/last-applied-configuration":"x"}},` +
				`{"op":"add","path":"/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration","value":"x"}]`,
			`[{"op":"add","path":"/metadata/annotations","value":` +
				`{"kubectl.kubernetes.io/last-applied-configuration":"[redacted]"}},` +
				`{"op":"add","path":"/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration",` +
				`"value":"[redacted]"}]`},
		{"and from a Secret's annotations as a whole", "Secret",
			`[{"op":"add","path":"/metadata/annotations","value":{"kubectl.kubernetes.io/last-applied-configuration":"x"}}]`,
			`[{"op":"add","path":"/metadata/annotations","value":` +
				`{"kubectl.kubernetes.io/last-applied-configuration":"[redacted]"}}]`},
		{"a secret in bytes is one, too", "Thing", `{"password":{"$bytes":"aHVudGVyMg=="}}`, `{"password":"[redacted]"}`},
		{"a token that is a flag is none", "Pod", `{"automountServiceAccountToken":false}`,
			`{"automountServiceAccountToken":false}`},
		{"what cannot be parsed goes altogether", "Pod", `{"a":`, `"[redacted]"`},
		{"nothing stays nothing", "Pod", ``, ``},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := string(RedactPatch(tt.kind, []byte(tt.patch))); got != tt.want {
				t.Errorf("RedactPatch(%s, %s)\n got %s\nwant %s", tt.kind, tt.patch, got, tt.want)
			}
		})
	}
}

func TestRedactValueFindsSecretsAtAnyDepthAndKeepsTheOrder(t *testing.T) {
	in := `{"z":[{"kind":"Secret","data":{"x":"1"}},{"kind":"Pod","data":{"x":"<1>"}}],"a":1.0}`
	got := string(RedactValue([]byte(in)))
	want := `{"z":[{"kind":"Secret","data":{"x":"[redacted]"}},{"kind":"Pod","data":{"x":"<1>"}}],"a":1.0}`
	if got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// A journal is shown around; a parameter that is called a password is none that a person has to read in it.
func TestParametersWithTellingNamesAreLeftOut(t *testing.T) {
	w := create(t)
	s := started()
	s.Params = map[string]string{"cluster": "prod-a", "vcenter_password": "hunter2"}
	s.Command = []string{"rehearse", "run", "--param", "cluster=prod-a", "--param", "vcenter_password=hunter2"}
	appendAll(t, w, s)
	run, err := ReadFile(w.Path())
	if err != nil {
		t.Fatal(err)
	}
	got := fmt.Sprint(run.Started.Params, run.Started.Command)
	want := "map[cluster:prod-a vcenter_password:[redacted]] " +
		"[rehearse run --param cluster=prod-a --param vcenter_password=[redacted]]"
	if got != want || s.Params["vcenter_password"] != "hunter2" {
		t.Errorf("got %s, want %s", got, want)
	}
}

// What -o jsonl prints is the journal's own line: it can be saved and read as one.
func TestALineOfAnEventIsTheJournalsOwn(t *testing.T) {
	w := create(t)
	var said []byte
	w.OnEvent(func(e Event) {
		l, err := e.Line()
		if err != nil {
			t.Error(err)
		}
		said = append(said, l...)
	})
	appendAll(t, w, started(), Note{Text: "a < b & c"}, Note{Text: "d"})
	saved, err := os.ReadFile(w.Path())
	if err != nil || string(said) != string(saved) {
		t.Errorf("got\n%s\nwant (%v)\n%s", said, err, saved)
	}
}
