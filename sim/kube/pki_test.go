package kube

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

func newCA(t *testing.T, name string) *CA {
	t.Helper()
	ca, err := NewCA(name)
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

// rsaCA is a CA as KubeadmControlPlane makes it: RSA 2048, PKCS #1.
func rsaCA(t *testing.T) *CA {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	c := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "kubernetes"}, IsCA: true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, c, c, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	ca, err := ParseCA(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
	if err != nil {
		t.Fatal(err)
	}
	return ca
}

func TestSignedCertificatesAreTrustedByServersAndClients(t *testing.T) {
	for name, ca := range map[string]*CA{"an ECDSA CA": newCA(t, "own"), "an RSA CA": rsaCA(t)} {
		t.Run(name, func(t *testing.T) {
			pair, err := ca.TLS(Leaf{CommonName: "kube-apiserver", Orgs: []string{"o"}, DNS: []string{"kubernetes"},
				IPs: loopback})
			if err != nil {
				t.Fatal(err)
			}
			server, client := net.Pipe()
			go func() {
				_ = tls.Server(server, &tls.Config{Certificates: []tls.Certificate{pair}, ClientCAs: ca.Pool(),
					ClientAuth: tls.RequireAndVerifyClientCert}).Handshake()
				server.Close()
			}()
			c := tls.Client(client, &tls.Config{Certificates: []tls.Certificate{pair}, RootCAs: ca.Pool(),
				ServerName: "kubernetes"})
			if err := c.Handshake(); err != nil {
				t.Fatal(err)
			}
			client.Close()
			got := c.ConnectionState().PeerCertificates[0]
			if got.Subject.CommonName != "kube-apiserver" || got.Subject.Organization[0] != "o" {
				t.Errorf("subject: got %s, want CN=kube-apiserver,O=o", got.Subject)
			}
			if left := time.Until(got.NotAfter); left < 9*365*24*time.Hour {
				t.Errorf("the certificate expires in %s, before a long run ends", left)
			}
		})
	}
}

func TestParseCARefusesWhatIsNoCA(t *testing.T) {
	ca := newCA(t, "own")
	crt, key, err := ca.Sign(Leaf{CommonName: "leaf"})
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		crt, key []byte
		want     string
	}{
		"a leaf":          {crt, key, `CA "leaf": the certificate is not that of a CA`},
		"no PEM":          {[]byte("x"), []byte("y"), "failed to find any PEM data"},
		"another's key":   {ca.PEM, key, "private key does not match public key"},
		"an empty secret": {nil, nil, "failed to find any PEM data"},
	} {
		if _, err := ParseCA(c.crt, c.key); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
	}
}

func TestKubeconfigIsForItsOwnerAndReadsBack(t *testing.T) {
	path := filepath.Join(t.TempDir(), "prod-a.kubeconfig")
	want := &rest.Config{Host: "https://127.0.0.1:6443", BearerToken: "secret",
		TLSClientConfig: rest.TLSClientConfig{CAData: newCA(t, "ca").PEM}}
	if err := WriteKubeconfig(path, "prod-a", "cpaas-system", want); err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("mode: got %v, %v, want 0600", info.Mode(), err)
	}
	rules := &clientcmd.ClientConfigLoadingRules{ExplicitPath: path}
	loader := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, nil)
	got, err := loader.ClientConfig()
	if err != nil || got.Host != want.Host || got.BearerToken != want.BearerToken {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if ns, _, err := loader.Namespace(); err != nil || ns != "cpaas-system" {
		t.Errorf("namespace: got %q, %v, want %q", ns, err, "cpaas-system")
	}
	if err := WriteKubeconfig(path, "prod-a", "", &rest.Config{Host: "h"}); err == nil {
		t.Error("without credentials: got no error")
	}
}
