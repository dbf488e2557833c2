package kube

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/tools/clientcmd"
)

// TestAControllerManagerComesToAHealthyAPIServer: it waits for one no longer than ten seconds, and then it ends. Here the
// test binary plays it.
func TestAControllerManagerComesToAHealthyAPIServer(t *testing.T) {
	ctx, bin, dir := deadline(t, 2*time.Minute), binaries(t), t.TempDir()
	store, err := StartEtcd(ctx, filepath.Join(bin, "etcd"), dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Stop)
	scheme, err := NewScheme()
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv(roleVar, "manager")
	m, err := StartManagement(ctx, ManagementConfig{Dir: filepath.Join(dir, "management"), APIServer: filepath.Join(bin, "kube-apiserver"),
		ControllerManager: os.Args[0], EtcdURL: store.URL, Token: "t", Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Stop)
	log := filepath.Join(dir, "management", "kube-controller-manager.log")
	err = m.Processes[1].WaitReady(ctx, func(context.Context) error {
		b, err := os.ReadFile(log)
		if err == nil && !strings.Contains(string(b), "healthz:") {
			err = fmt.Errorf("nothing is said yet")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if b, err := os.ReadFile(log); err != nil || string(b) != "healthz: <nil>\n" {
		t.Errorf("at its start: got %s, error %v; want a healthy API server", b, err)
	}
}

// health is what an API server has against being healthy; flag is --kubeconfig=FILE.
func health(flag string) error {
	_, file, _ := strings.Cut(flag, "=")
	c, err := clientcmd.BuildConfigFromFlags("", file)
	if err != nil {
		return err
	}
	return apiAnswers(c, "/healthz")(context.Background())
}
