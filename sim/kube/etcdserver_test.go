package kube

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestEtcdStartsAndStops(t *testing.T) {
	e, err := StartEtcd(deadline(t, 30*time.Second), filepath.Join(binaries(t), "etcd"), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Stop()
	if err := healthy(t.Context(), e.URL+"/health"); err != nil {
		t.Error(err)
	}
}

func TestEtcdStartsEmptyWhereAnotherWasKilled(t *testing.T) {
	dir := t.TempDir()
	for try := range 2 {
		e, err := StartEtcd(deadline(t, 30*time.Second), filepath.Join(binaries(t), "etcd"), dir)
		if err != nil {
			t.Fatalf("start %d: %v", try, err)
		}
		defer e.Stop()
		if got := put(t, e.URL, "left", "over"); got != "2" { // an empty etcd is at revision 1
			t.Errorf("revision after the first write of start %d: got %s, want 2", try, got)
		}
		e.Kill()
	}
}

// put writes a key and returns the revision that it made.
func put(t *testing.T, url, key, value string) string {
	t.Helper()
	body, err := json.Marshal(map[string][]byte{"key": []byte(key), "value": []byte(value)})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.Post(url+"/v3/kv/put", "application/json", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	var reply struct {
		Header struct{ Revision string }
	}
	if err := json.NewDecoder(r.Body).Decode(&reply); err != nil {
		t.Fatal(err)
	}
	return reply.Header.Revision
}

// binaries is the folder with the control plane's programs.
func binaries(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("KUBEBUILDER_ASSETS")
	if dir == "" {
		t.Fatal("KUBEBUILDER_ASSETS is not set: it names the folder of kube-apiserver and etcd")
	}
	return dir
}
