package kube

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
)

// Etcd is one real etcd process. A twin has one for all its API servers, each under a prefix of its own.
type Etcd struct {
	*Process
	URL string // http, on 127.0.0.1
}

// StartEtcd starts the given etcd binary, empty, with its data and its log in dir, and returns when it is healthy. It
// trades durability for speed: the data is worth nothing after the run.
func StartEtcd(ctx context.Context, binary, dir string) (*Etcd, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("etcd: %w", err)
	}
	for try := 1; ; try++ {
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
	data := filepath.Join(dir, "etcd")
	if err := os.RemoveAll(data); err != nil { // of a twin that was killed, or of a try that did not get its ports
		return nil, err
	}
	url, peerURL := fmt.Sprintf("http://127.0.0.1:%d", client), fmt.Sprintf("http://127.0.0.1:%d", peer)
	p, err := StartProcess(ProcessConfig{
		Name: "etcd", Path: binary, Log: filepath.Join(dir, "etcd.log"),
		Args: []string{
			"--name=twin", "--data-dir=" + data,
			"--listen-client-urls=" + url, "--advertise-client-urls=" + url,
			"--listen-peer-urls=" + peerURL, "--initial-advertise-peer-urls=" + peerURL, "--initial-cluster=twin=" +
				peerURL,
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
