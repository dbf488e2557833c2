package journal

import (
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
