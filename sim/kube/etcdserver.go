package kube

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// Etcd is one real etcd process. A twin has one for all its API servers, each under a prefix of its own.
type Etcd struct {
	*Process
	URL string // http, on 127.0.0.1
}

// StartEtcd starts the given etcd binary, empty, with its data and its log in dir, and returns when it is healthy. It
// trades durability for speed: the data is worth nothing after the run.
func StartEtcd(ctx context.Context, binary, dir string) (*Etcd, error) {
	return tryEtcd(ctx, binary, dir, func() error { // of a twin that was killed, or of a try that did not get its ports
		return os.RemoveAll(EtcdData(dir))
	})
}

// EtcdData is where an etcd whose files are in dir keeps its data.
func EtcdData(dir string) string { return filepath.Join(dir, "etcd") }

// ResumeEtcd is StartEtcd on the data that is in dir: that of an etcd that StartEtcd started and that was stopped.
func ResumeEtcd(ctx context.Context, binary, dir string) (*Etcd, error) {
	return tryEtcd(ctx, binary, dir, func() error { return nil })
}

func tryEtcd(ctx context.Context, binary, dir string, prepare func() error) (*Etcd, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	for try := 1; ; try++ {
		if err := prepare(); err != nil {
			return nil, fmt.Errorf("etcd: %w", err)
		}
		e, err := startEtcd(ctx, binary, dir)
		if err == nil || !portTaken(err) || try == portTries {
			return e, err
		}
	}
}

func startEtcd(ctx context.Context, binary, dir string) (*Etcd, error) {
	client, err := FreePort()
	if err != nil {
		return nil, err
	}
	peer, err := FreePort()
	if err != nil {
		return nil, err
	}
	url, peerURL := fmt.Sprintf("http://127.0.0.1:%d", client), fmt.Sprintf("http://127.0.0.1:%d", peer)
	p, err := StartProcess(ProcessConfig{
		Name: "etcd", Path: binary, Log: filepath.Join(dir, "etcd.log"),
		Args: []string{
			"--name=twin", "--data-dir=" + EtcdData(dir),
			"--listen-client-urls=" + url, "--advertise-client-urls=" + url,
			"--listen-peer-urls=" + peerURL, "--initial-advertise-peer-urls=" + peerURL, "--initial-cluster=twin=" +
				peerURL,
			"--heartbeat-interval=20", "--election-timeout=100", // one member waits for nobody before it leads
			"--unsafe-no-fsync", "--quota-backend-bytes=8589934592", "--snapshot-count=5000", "--log-level=warn",
		},
	})
	if err != nil {
		return nil, err
	}
	if err := p.WaitReady(ctx, func(ctx context.Context) error { return healthy(ctx, url+"/health") }); err != nil {
		p.Stop()
		return nil, err
	}
	return &Etcd{Process: p, URL: url}, nil
}

// Clean is nil when an etcd that was stopped has ended by itself: only then has its database everything that its log has.
func (e *Etcd) Clean() error {
	<-e.done
	if exit := (*exec.ExitError)(nil); errors.As(e.err, &exit) {
		if s, ok := exit.Sys().(syscall.WaitStatus); ok && s.Signaled() && s.Signal() == syscall.SIGTERM {
			return nil // it repeats the signal that it was sent, when all is done
		}
	}
	if e.err == nil {
		return nil
	}
	return e.Exited()
}

// healthy is nil when a GET of url answers 200.
func healthy(ctx context.Context, url string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<10))
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: got %s, want 200: %s", url, resp.Status, b)
	}
	return nil
}
