package kube

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"github.com/rehearse-dev/rehearse/fakes/etcd"
)

func peer(name string) etcd.Peer { return etcd.Peer{Name: name, IP: "10.0.0.1", Version: "3.6"} }

// TestRealMembers lets a real etcd of three members carry a real API server, and lose its quorum.
func TestRealMembers(t *testing.T) {
	ctx, bin, dir := deadline(t, 2*time.Minute), binaries(t), t.TempDir()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	e, err := NewMembers(MembersConfig{Binary: filepath.Join(bin, "etcd"), Dir: filepath.Join(dir, "etcd"),
		CA: newCA(t, "etcd-ca")})
	must(err)
	t.Cleanup(e.Close)
	must(e.Bootstrap(peer("cp-1"), peer("cp-2")))
	ca, proxy := newCA(t, "kubernetes"), newCA(t, "front-proxy")
	pub, sa, err := ServiceAccountKeys()
	must(err)
	p, err := StartPlane(ctx, PlaneConfig{Name: "prod-a", Dir: filepath.Join(dir, "prod-a"), Members: e,
		Endpoint: listen(t), Advertise: "10.0.0.10",
		APIServer: filepath.Join(bin, "kube-apiserver"), ControllerManager: filepath.Join(bin,
			"kube-controller-manager"), Scheduler: filepath.Join(bin, "kube-scheduler"),
		ServiceCIDR: "10.96.0.0/12", EgressProxy: "https://127.0.0.1:1", CACert: ca.PEM, CAKey: ca.Key,
		ProxyCert: proxy.PEM, ServiceAccountCert: pub, ServiceAccountKey: sa})
	must(err)
	t.Cleanup(p.Stop)
	must(e.AddLearner(peer("cp-3")))
	must(e.Start("cp-3"))
	must(e.Promote("cp-3"))
	must(e.Promote("cp-3")) // harmless

	c, err := kubernetes.NewForConfig(p.Admin)
	must(err)
	write := func(patience time.Duration) error {
		ctx, cancel := context.WithTimeout(ctx, patience)
		defer cancel()
		_, err := c.CoreV1().ConfigMaps("default").Create(ctx,
			&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "x-"}}, metav1.CreateOptions{})
		return err
	}
	must(write(patient))
	e.Stop("cp-1")
	e.Stop("cp-2")
	if err := write(500 * time.Millisecond); err == nil {
		t.Error("a write without quorum: got no error")
	}
	if _, err := e.Dial(ctx, "cp-1"); err == nil {
		t.Error("a dead member: got a connection")
	}
	must(e.Start("cp-1"))
	must(eventually(deadline(t, 30*time.Second), func() error { return write(2 * time.Second) }))
}

// eventually calls do until it returns nil.
func eventually(ctx context.Context, do func() error) error {
	for {
		err := do()
		if err == nil {
			return nil
		}
		if ctx.Err() != nil {
			return fmt.Errorf("%w: %w", ctx.Err(), err)
		}
	}
}
