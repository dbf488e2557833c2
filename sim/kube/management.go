package kube

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"time"

	admissionv1 "k8s.io/api/admissionregistration/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/rest"
)

// ManagementConfig says how to start the management cluster's API.
type ManagementConfig struct {
	Dir               string // logs, certificates; made if absent
	APIServer         string // binaries
	ControllerManager string
	EtcdURL           string
	Env               []string       // of the API server, "K=v"
	Token             string         // of the administrator, system:masters
	Webhooks          *WebhookServer // that the definitions name; the Management owns it. Nil: it makes one
	// Installed says that etcd has the definitions already, and that they name Webhooks.
	Installed  bool
	Scheme     *runtime.Scheme
	CRDs       []*apiextensionsv1.CustomResourceDefinition
	Mutating   []*admissionv1.MutatingWebhookConfiguration
	Validating []*admissionv1.ValidatingWebhookConfiguration
	// Carried are the paths of fields, by kind, that the definitions have and the Go types of the Scheme have not. They
	// survive the conversion between the versions of an object, in which they have the same place.
	Carried map[string][]string
}

// Management is the API of the management cluster: a real kube-apiserver with the CRDs and webhook configurations of
// the providers, and a kube-controller-manager that collects garbage.
type Management struct {
	Config    *rest.Config // the administrator's, straight to the API server
	Scheme    *runtime.Scheme
	Processes []*Process
	webhooks  *WebhookServer
	dir       string
}

// managementControllers keep ownerReferences and namespace deletion true. Workloads are not run here: the providers'
// controllers are in this process.
const managementControllers = "garbage-collector-controller,namespace-controller,serviceaccount-controller"

// StartManagement returns when the API server is ready and every CRD is served. Webhooks answer only once the
// caller's manager serves them.
func StartManagement(ctx context.Context, c ManagementConfig) (_ *Management, err error) {
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, fmt.Errorf("management cluster: %w", err)
	}
	m := &Management{Scheme: c.Scheme, dir: c.Dir, webhooks: c.Webhooks}
	defer func() {
		if err != nil {
			m.Stop()
			err = fmt.Errorf("management cluster: %w", err)
		}
	}()
	if err := m.startAPIServer(ctx, c); err != nil {
		return nil, err
	}
	if err := m.install(ctx, c); err != nil {
		return nil, err
	}
	return m, m.startControllerManager(c)
}

func (m *Management) startAPIServer(ctx context.Context, c ManagementConfig) error {
	for try := 1; ; try++ {
		p, err := m.tryAPIServer(ctx, c)
		if err == nil {
			m.Processes = append(m.Processes, p)
			return nil
		}
		if !portTaken(err) || try == portTries {
			return err
		}
	}
}

func (m *Management) tryAPIServer(ctx context.Context, c ManagementConfig) (*Process, error) {
	ca, err := NewCA("management-ca")
	if err != nil {
		return nil, err
	}
	port, err := FreePort()
	if err != nil {
		return nil, err
	}
	file := func(n string) string { return filepath.Join(c.Dir, n) }
	crt, key, err := ca.Sign(Leaf{CommonName: "kube-apiserver", DNS: []string{"localhost", "kubernetes.default.svc"}, IPs: loopback})
	if err != nil {
		return nil, err
	}
	_, sa, err := ServiceAccountKeys()
	if err != nil {
		return nil, err
	}
	if err := writeFiles(c.Dir, map[string][]byte{"apiserver.crt": crt, "apiserver.key": key, "sa.key": sa,
		"tokens.csv": fmt.Appendf(nil, "%s,admin,admin,system:masters\n", c.Token)}); err != nil {
		return nil, err
	}
	p, err := StartProcess(ProcessConfig{Name: "management kube-apiserver", Path: c.APIServer, Env: append(slices.Clone(c.Env), apiServerEnv...), Dir: c.Dir, Log: file("kube-apiserver.log"), Args: []string{
		"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", port), "--advertise-address=127.0.0.1",
		"--etcd-servers=" + c.EtcdURL, "--etcd-prefix=/management",
		"--tls-cert-file=" + file("apiserver.crt"), "--tls-private-key-file=" + file("apiserver.key"), "--token-auth-file=" + file("tokens.csv"),
		"--service-account-issuer=https://kubernetes.default.svc", "--service-account-key-file=" + file("sa.key"), "--service-account-signing-key-file=" + file("sa.key"),
		"--service-cluster-ip-range=10.0.0.0/24", "--authorization-mode=RBAC", "--allow-privileged=true",
		"--disable-admission-plugins=ServiceAccount", "--endpoint-reconciler-type=none", "--profiling=false", "--shutdown-delay-duration=0s",
		"--enable-priority-and-fairness=false", "--max-requests-inflight=2000", "--max-mutating-requests-inflight=1000",
	}})
	if err != nil {
		return nil, err
	}
	m.Config = &rest.Config{Host: fmt.Sprintf("https://127.0.0.1:%d", port), BearerToken: c.Token, QPS: -1,
		TLSClientConfig: rest.TLSClientConfig{CAData: ca.PEM}}
	// Not /readyz: that also waits for the bootstrap of roles, which no administrator needs. install waits for it.
	if err := p.WaitReady(ctx, apiAnswers(m.Config, "/apis/apiextensions.k8s.io/v1/customresourcedefinitions")); err != nil {
		p.Stop()
		return nil, err
	}
	return p, nil
}

// apiReady asks the API server's /readyz. Where the storage was used before, it does not wait for the bootstrap of what is
// there already: the API server looks for it a second after its start at the earliest.
func apiReady(cfg *rest.Config, resumed bool) func(context.Context) error {
	path := "/readyz"
	if resumed {
		path += "?exclude=poststarthook/rbac/bootstrap-roles&exclude=poststarthook/scheduling/bootstrap-system-priority-classes"
	}
	return apiAnswers(cfg, path)
}

// apiAnswers asks the API server for a path.
func apiAnswers(cfg *rest.Config, path string) func(context.Context) error {
	hc, err := rest.HTTPClientFor(cfg)
	return func(ctx context.Context) error {
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
		defer cancel()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, cfg.Host+path, nil)
		if err != nil {
			return err
		}
		resp, err := hc.Do(r)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("GET %s: got %s, want 200", path, resp.Status)
		}
		return nil
	}
}

// startControllerManager comes last: a controller manager ends when the API server is not healthy ten seconds later, and
// on a busy machine the roles, which belong to that, take longer
// (k8s.io/kubernetes@v1.35.4 cmd/kube-controller-manager/app CreateControllerContext).
func (m *Management) startControllerManager(c ManagementConfig) error {
	kubeconfig := filepath.Join(c.Dir, "kcm.conf")
	if err := WriteKubeconfig(kubeconfig, "management", "", m.Config); err != nil {
		return err
	}
	p, err := StartProcess(ProcessConfig{Name: "management kube-controller-manager", Path: c.ControllerManager, Dir: c.Dir, Log: filepath.Join(c.Dir, "kube-controller-manager.log"), Args: []string{
		"--kubeconfig=" + kubeconfig, "--leader-elect=false", "--secure-port=0", "--profiling=false",
		"--controllers=" + managementControllers, "--use-service-account-credentials=false", "--kube-api-qps=200", "--kube-api-burst=400",
	}})
	if err != nil {
		return err
	}
	m.Processes = append(m.Processes, p)
	return nil
}

func (m *Management) install(ctx context.Context, c ManagementConfig) error {
	if err := m.serveWebhooks(c.Carried); err != nil {
		return err
	}
	define := m.define
	if c.Installed {
		define = func(ctx context.Context, c ManagementConfig) error { return m.awaitServed(ctx, c.CRDs) }
	}
	if err := define(ctx, c); err != nil {
		return err
	}
	return m.Processes[0].WaitReady(ctx, apiReady(m.Config, c.Installed))
}

// serveWebhooks makes the webhook server, unless the caller has made it, and tells it which fields to carry over.
func (m *Management) serveWebhooks(carried map[string][]string) error {
	if m.webhooks == nil {
		ca, err := NewCA("webhook-ca")
		if err != nil {
			return err
		}
		if m.webhooks, err = NewWebhookServer(ca); err != nil {
			return err
		}
	}
	m.webhooks.carried = carried
	return nil
}

// Stop ends the child processes, the last started first.
func (m *Management) Stop() {
	if m.webhooks != nil {
		m.webhooks.Close()
	}
	for i := len(m.Processes) - 1; i >= 0; i-- {
		m.Processes[i].Kill() // all that it knows is in etcd, and an orderly end takes seconds
	}
}

// ServiceAccountKeys makes the key pair that signs service account tokens, both in PEM.
func ServiceAccountKeys() (public, private []byte, err error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	priv, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		return nil, nil, err
	}
	pub, err := x509.MarshalPKIXPublicKey(k.Public())
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: pub}), pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: priv}), nil
}
