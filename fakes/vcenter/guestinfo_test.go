package vcenter

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"testing"
)

func TestDecode(t *testing.T) {
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte("hello")); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	zipped := base64.StdEncoding.EncodeToString(packed.Bytes())
	for _, tt := range []struct {
		text, encoding string
		ok             bool
	}{
		{"hello", "", true},
		{"aGVsbG8=", "base64", true},
		{"aGVsbG8=", "b64", true},
		{zipped, "gzip+base64", true},
		{zipped, "gz+b64", true},
		{"hello", "base64", false},
		{"aGVsbG8=", "gzip+base64", false},
		{"hello", "rot13", false},
	} {
		got, err := decode(tt.text, tt.encoding)
		if (err == nil) != tt.ok || tt.ok && string(got) != "hello" {
			t.Errorf("decode(%q, %q): got %q %v, want ok=%v", tt.text, tt.encoding, got, err, tt.ok)
		}
	}
}
