package kube

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// loopback is where every server of a twin listens.
var loopback = []net.IP{net.IPv4(127, 0, 0, 1)}

// Certificates are valid from long before to long after any run: site time jumps ahead of the machine's clock, which
// the child processes follow, and a certificate has to hold on both.
const (
	validBefore = 5 * 365 * 24 * time.Hour
	validAfter  = 10 * 365 * 24 * time.Hour
)

// CA signs certificates. Its key is RSA, as KubeadmControlPlane makes it, or ECDSA.
type CA struct {
	PEM  []byte // the certificate
	Key  []byte // PEM
	cert *x509.Certificate
	key  crypto.Signer
}

// NewCA makes a self-signed CA with an ECDSA key.
func NewCA(name string) (*CA, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("CA %q: %w", name, err)
	}
	t, err := certificate(pkix.Name{CommonName: name})
	if err != nil {
		return nil, fmt.Errorf("CA %q: %w", name, err)
	}
	t.KeyUsage, t.IsCA,
		t.BasicConstraintsValid = x509.KeyUsageCertSign|x509.KeyUsageCRLSign|x509.KeyUsageDigitalSignature, true, true
	crtPEM, keyPEM, err := issue(t, t, key, key)
	if err != nil {
		return nil, fmt.Errorf("CA %q: %w", name, err)
	}
	return ParseCA(crtPEM, keyPEM)
}

// ParseCA reads the PEM pair of a CA, e.g. of a <cluster>-ca Secret.
func ParseCA(crtPEM, keyPEM []byte) (*CA, error) {
	pair, err := tls.X509KeyPair(crtPEM, keyPEM)
	if err != nil {
		return nil, fmt.Errorf("CA: %w", err)
	}
	cert, err := x509.ParseCertificate(pair.Certificate[0])
	if err != nil {
		return nil, fmt.Errorf("CA: %w", err)
	}
	key, ok := pair.PrivateKey.(crypto.Signer)
	switch {
	case !ok:
		return nil, fmt.Errorf("CA %q: got a key of type %T, want one that signs", cert.Subject.CommonName,
			pair.PrivateKey)
	case !cert.IsCA:
		return nil, fmt.Errorf("CA %q: the certificate is not that of a CA", cert.Subject.CommonName)
	}
	return &CA{PEM: crtPEM, Key: keyPEM, cert: cert, key: key}, nil
}

// Leaf is what a signed certificate is to say.
type Leaf struct {
	CommonName string
	Orgs       []string
	DNS        []string
	IPs        []net.IP
}

// Sign issues a certificate that is good for servers and clients, in PEM. Keys of leaves are ECDSA P-256: they are
// cheap to make and cheap in every handshake.
func (ca *CA) Sign(l Leaf) (crtPEM, keyPEM []byte, err error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, fmt.Errorf("certificate %q: %w", l.CommonName, err)
	}
	t, err := certificate(pkix.Name{CommonName: l.CommonName, Organization: l.Orgs})
	if err != nil {
		return nil, nil, fmt.Errorf("certificate %q: %w", l.CommonName, err)
	}
	t.DNSNames, t.IPAddresses = l.DNS, l.IPs
	t.KeyUsage = x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment
	t.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth}
	crtPEM, keyPEM, err = issue(t, ca.cert, key, ca.key)
	if err != nil {
		return nil, nil, fmt.Errorf("certificate %q: %w", l.CommonName, err)
	}
	return crtPEM, keyPEM, nil
}

// TLS is Sign in the form that crypto/tls takes.
func (ca *CA) TLS(l Leaf) (tls.Certificate, error) {
	crtPEM, keyPEM, err := ca.Sign(l)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.X509KeyPair(crtPEM, keyPEM)
}

// Hash is the CA's public key as kubeadm pins it: "sha256:…" of its SubjectPublicKeyInfo.
func (ca *CA) Hash() string {
	return fmt.Sprintf("sha256:%x", sha256.Sum256(ca.cert.RawSubjectPublicKeyInfo))
}

// Pool is a pool of this CA alone.
func (ca *CA) Pool() *x509.CertPool {
	p := x509.NewCertPool()
	p.AddCert(ca.cert)
	return p
}

// certificate is a template. The validity is told from the clock of this process, which may be ahead of the machine's.
func certificate(subject pkix.Name) (*x509.Certificate, error) {
	serial, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 120))
	if err != nil {
		return nil, err
	}
	now := time.Now()
	return &x509.Certificate{SerialNumber: serial, Subject: subject, NotBefore: now.Add(-validBefore),
		NotAfter: now.Add(validAfter)}, nil
}

func issue(t, parent *x509.Certificate, key *ecdsa.PrivateKey, signer crypto.Signer) (crtPEM, keyPEM []byte,
	err error) {
	der, err := x509.CreateCertificate(rand.Reader, t, parent, key.Public(), signer)
	if err != nil {
		return nil, nil, err
	}
	keyDER, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: keyDER}), nil
}

// WriteKubeconfig writes a kubeconfig with one context, named after the cluster, readable by its owner only.
// namespace is the context's default namespace, empty for "default". The credentials of cfg must be in memory.
func WriteKubeconfig(path, cluster, namespace string, cfg *rest.Config) error {
	c, err := kubeconfig(cluster, namespace, cfg)
	if err != nil {
		return fmt.Errorf("kubeconfig of %s: %w", cluster, err)
	}
	b, err := clientcmd.Write(*c)
	if err != nil {
		return fmt.Errorf("kubeconfig of %s: %w", cluster, err)
	}
	return writeFiles(filepath.Dir(path), map[string][]byte{filepath.Base(path): b})
}

func kubeconfig(cluster, namespace string, cfg *rest.Config) (*clientcmdapi.Config, error) {
	if cfg.BearerToken == "" && len(cfg.CertData) == 0 {
		return nil, errors.New("got no token and no client certificate, want one of them")
	}
	user := cluster + "-admin"
	c := clientcmdapi.NewConfig()
	c.Clusters[cluster] = &clientcmdapi.Cluster{Server: cfg.Host, CertificateAuthorityData: cfg.CAData}
	c.AuthInfos[user] = &clientcmdapi.AuthInfo{Token: cfg.BearerToken, ClientCertificateData: cfg.CertData,
		ClientKeyData: cfg.KeyData}
	c.Contexts[cluster] = &clientcmdapi.Context{Cluster: cluster, AuthInfo: user, Namespace: namespace}
	c.CurrentContext = cluster
	return c, nil
}

// writeFiles writes files that hold secrets, each in one piece: a reader never sees half of one.
func writeFiles(dir string, files map[string][]byte) error {
	for name, b := range files {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path+".tmp", b, 0o600); err != nil {
			return err
		}
		if err := os.Rename(path+".tmp", path); err != nil {
			return err
		}
	}
	return nil
}
