package kube

import (
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

// binaries is the folder with the control plane's programs.
func binaries(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("KUBEBUILDER_ASSETS")
	if dir == "" {
		t.Fatal("KUBEBUILDER_ASSETS is not set: it names the folder of kube-apiserver and etcd")
	}
	return dir
}
