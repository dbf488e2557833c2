package kube

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/transport"
)

// PlaneConfig says how to start the control plane of one workload cluster.
type PlaneConfig struct {
	Name                                    string
	Dir                                     string   // logs, certificates; made if absent
	APIServer, ControllerManager, Scheduler string   // binaries
	Env                                     []string // of the API server, "K=v"
	EtcdURL                                 string   // the shared etcd; the cluster has a prefix of its own
	Members                                 *Members // its own real etcd, bootstrapped; nil: the shared one

	Endpoint    net.Listener // the control plane endpoint; the Plane owns it
	Advertise   string       // IP that nodes know the API server by; nothing listens on it
	ServiceCIDR string
	// NodeMonitorGrace is the real time after which the node controller calls a silent node lost; 0: 20 s, which is five
	// heartbeats of a kubelet, as its own default of 50 s is of real ones.
	NodeMonitorGrace time.Duration
	EgressProxy      string // URL of the HTTPS CONNECT proxy through which nodes are reached; its CA is CACert's

	// PEM pairs of the Secrets <cluster>-ca, -proxy and -sa.
	CACert, CAKey, ProxyCert, ServiceAccountCert, ServiceAccountKey []byte

	// Resumed says that the cluster's storage was used before. StartPlane then does not wait for the controllers:
	// AwaitControllers does.
	Resumed bool

	WrapTransport transport.WrapperFunc // of Admin
	Touch         func()                // called for everything that an API server sends to clients of the endpoint
}

// Plane is the real control plane of one workload cluster: kube-apiserver, kube-controller-manager and kube-scheduler
// as child processes. All control-plane machines of the cluster share them.
type Plane struct {
	Name     string
	Admin    *rest.Config    // system:masters, straight to the API server
	Serving  tls.Certificate // of the API server
	Endpoint *Gate           // the load balancer: clients → API server
	Store    *Gate           // API server → etcd

	port      int
	processes []*Process
}

// planeControllers are those that make workloads, drains, budgets, node health and clean-up real.
const planeControllers = "deployment-controller,replicaset-controller,statefulset-controller,daemonset-controller," +
	"job-controller,disruption-controller,node-lifecycle-controller,taint-eviction-controller," +
	"pod-garbage-collector-controller,garbage-collector-controller,namespace-controller,serviceaccount-controller," +
	"serviceaccount-token-controller,root-ca-certificate-publisher-controller,endpointslice-controller," +
	"token-cleaner-controller,bootstrap-signer-controller"

// StartPlane returns when the API server is ready and the controllers work, but for a plane that is Resumed. The scheduler follows by itself: a pod
// waits for it, and whoever watches pods can see that.
func StartPlane(ctx context.Context, c PlaneConfig) (_ *Plane, err error) {
	p := &Plane{Name: c.Name}
	defer func() {
		if err != nil {
			p.Stop()
			err = fmt.Errorf("control plane of %s: %w", c.Name, err)
		}
	}()
	if err := os.MkdirAll(c.Dir, 0o700); err != nil {
		return nil, err
	}
	store, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	storage := []string{"--etcd-servers=http://" + store.Addr().String(), "--etcd-prefix=/workload/" + c.Name}
	if c.Members == nil {
		p.Store = NewGate(store, dialTo(c.EtcdURL[len("http://"):]))
	} else {
		p.Store = NewGate(store, c.Members.DialAny)
		flags, err := c.Members.storage(c.Dir)
		if err != nil {
			return nil, err
		}
		storage = append(flags, "--etcd-servers=https://"+store.Addr().String())
	}
	conf, err := p.writeConfig(c)
	if err != nil {
		return nil, err
	}
	for try := 1; ; try++ {
		if err = p.startAPIServer(ctx, c, storage); err == nil || !portTaken(err) || try == portTries {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	p.Endpoint = NewGate(c.Endpoint, touching(dialTo(fmt.Sprintf("127.0.0.1:%d", p.port)), c.Touch))
	if err := p.startControllers(c, conf); err != nil {
		return nil, err
	}
	if c.Resumed {
		return p, nil
	}
	return p, p.awaitControllers(ctx)
}

// identities are the client certificates that the control plane's own parts use.
type identities struct{ controllerManager, scheduler *rest.Config }

func (p *Plane) writeConfig(c PlaneConfig) (*identities, error) {
	ca, err := ParseCA(c.CACert, c.CAKey)
	if err != nil {
		return nil, err
	}
	f := func(name string) string { return filepath.Join(c.Dir, name) }
	files := map[string][]byte{"ca.crt": c.CACert, "ca.key": c.CAKey, "front-proxy-ca.crt": c.ProxyCert,
		"sa.pub": c.ServiceAccountCert, "sa.key": c.ServiceAccountKey,
		"egress.yaml": fmt.Appendf(nil,
			"apiVersion: apiserver.k8s.io/v1beta1\nkind: EgressSelectorConfiguration\negressSelections:\n"+
				"- name: cluster\n  connection:\n    proxyProtocol: HTTPConnect\n    transport:\n      tcp:\n"+
				"        url: %q\n"+
				"        tlsConfig: {caBundle: %q, clientCert: %q, clientKey: %q}\n", c.EgressProxy, f("ca.crt"),
			f("kubelet-client.crt"), f("kubelet-client.key"))}
	// kubeadm's names. KubeadmControlPlane looks for CN=kube-apiserver when it reads the certificate's expiry.
	crt, key, err := ca.Sign(Leaf{CommonName: "kube-apiserver", IPs: append(loopback, net.ParseIP(c.Advertise)),
		DNS: []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc",
			"kubernetes.default.svc.cluster.local", "localhost"}})
	if err != nil {
		return nil, err
	}
	files["apiserver.crt"], files["apiserver.key"] = crt, key
	if p.Serving, err = tls.X509KeyPair(crt, key); err != nil {
		return nil, err
	}
	if files["kubelet-client.crt"], files["kubelet-client.key"],
		err = ca.Sign(Leaf{CommonName: "kube-apiserver-kubelet-client",
		Orgs: []string{"kubeadm:cluster-admins"}}); err != nil {
		return nil, err
	}
	client := func(l Leaf) (*rest.Config, error) {
		crt, key, err := ca.Sign(l)
		return &rest.Config{TLSClientConfig: rest.TLSClientConfig{CAData: c.CACert, CertData: crt, KeyData: key}}, err
	}
	if p.Admin, err = client(Leaf{CommonName: "kubernetes-super-admin", Orgs: []string{"system:masters"}}); err != nil {
		return nil, err
	}
	p.Admin.QPS, p.Admin.WrapTransport = -1, c.WrapTransport
	id := &identities{}
	// system:masters, because one client instead of one per controller saves memory; the name stays the real one.
	if id.controllerManager, err = client(Leaf{CommonName: "system:kube-controller-manager",
		Orgs: []string{"system:masters"}}); err != nil {
		return nil, err
	}
	if id.scheduler, err = client(Leaf{CommonName: "system:kube-scheduler"}); err != nil {
		return nil, err
	}
	return id, writeFiles(c.Dir, files)
}

func (p *Plane) startAPIServer(ctx context.Context, c PlaneConfig, storage []string) (err error) {
	if p.port, err = FreePort(); err != nil {
		return err
	}
	f := func(name string) string { return filepath.Join(c.Dir, name) }
	proc, err := StartProcess(ProcessConfig{Name: c.Name + " kube-apiserver", Path: c.APIServer, Env: append(slices.Clone(c.Env), apiServerEnv...), Dir: c.Dir,
		Log: f("kube-apiserver.log"), Args: append(storage,
			"--bind-address=127.0.0.1", fmt.Sprintf("--secure-port=%d", p.port), "--advertise-address="+c.Advertise,
			"--client-ca-file="+f("ca.crt"), "--tls-cert-file="+f("apiserver.crt"),
			"--tls-private-key-file="+f("apiserver.key"),
			"--service-account-issuer=https://kubernetes.default.svc.cluster.local",
			"--service-account-key-file="+f("sa.pub"), "--service-account-signing-key-file="+f("sa.key"),
			"--service-cluster-ip-range="+c.ServiceCIDR, "--allow-privileged=true", "--authorization-mode=Node,RBAC",
			"--enable-bootstrap-token-auth=true",
			"--requestheader-client-ca-file="+f("front-proxy-ca.crt"),
			"--requestheader-allowed-names=front-proxy-client",
			"--requestheader-extra-headers-prefix=X-Remote-Extra-", "--requestheader-group-headers=X-Remote-Group",
			"--requestheader-username-headers=X-Remote-User",
			"--kubelet-client-certificate="+f("kubelet-client.crt"), "--kubelet-client-key="+f("kubelet-client.key"),
			"--kubelet-preferred-address-types=InternalIP",
			"--egress-selector-config-file="+f("egress.yaml"),
			"--endpoint-reconciler-type=none", "--profiling=false", "--shutdown-delay-duration=0s",
		)})
	if err != nil {
		return err
	}
	p.Admin.Host = fmt.Sprintf("https://127.0.0.1:%d", p.port)
	if err := proc.WaitReady(ctx, apiReady(&rest.Config{Host: p.Admin.Host,
		TLSClientConfig: p.Admin.TLSClientConfig}, c.Resumed)); err != nil {
		proc.Stop()
		return err
	}
	p.processes = append(p.processes, proc)
	return nil
}

func (p *Plane) startControllers(c PlaneConfig, id *identities) error {
	f := func(name string) string { return filepath.Join(c.Dir, name) }
	grace := c.NodeMonitorGrace
	if grace == 0 {
		grace = 20 * time.Second
	}
	for _, x := range []struct {
		name, path string
		cfg        *rest.Config
		args       []string
	}{
		{"kube-controller-manager", c.ControllerManager, id.controllerManager, []string{
			"--root-ca-file=" + f("ca.crt"), "--service-account-private-key-file=" +
				f("sa.key"), "--cluster-signing-cert-file=" + f("ca.crt"), "--cluster-signing-key-file=" + f("ca.key"),
			"--controllers=" +
				planeControllers, "--use-service-account-credentials=false", "--node-monitor-grace-period=" +
				grace.String(),
			"--node-monitor-period=" + (grace / 50).String()}},
		{"kube-scheduler", c.Scheduler, id.scheduler, nil},
	} {
		x.cfg.Host = p.Admin.Host
		if err := WriteKubeconfig(f(x.name+".conf"), c.Name, "", x.cfg); err != nil {
			return err
		}
		proc, err := StartProcess(ProcessConfig{Name: c.Name + " " + x.name, Path: x.path, Dir: c.Dir,
			Log: f(x.name + ".log"), Args: append([]string{
				"--kubeconfig=" +
					f(x.name+".conf"), "--leader-elect=false", "--secure-port=0", "--profiling=false",
				"--kube-api-qps=200", "--kube-api-burst=400"}, x.args...)})
		if err != nil {
			return err
		}
		p.processes = append(p.processes, proc)
	}
	return nil
}

// plain is an administrator's client that nobody counts.
func (p *Plane) plain() (*kubernetes.Clientset, error) {
	return kubernetes.NewForConfig(&rest.Config{Host: p.Admin.Host, TLSClientConfig: p.Admin.TLSClientConfig, QPS: -1})
}

// AwaitControllers waits until the controller manager of a Resumed plane works. Whatever it makes in a new cluster is
// there already, so it is given something to mend: the description of a ConfigMap, which it puts back as it was.
func (p *Plane) AwaitControllers(ctx context.Context) error {
	c, err := p.plain()
	if err != nil {
		return err
	}
	const name, description = "kube-root-ca.crt", "kubernetes.io/description"
	maps := c.CoreV1().ConfigMaps(corev1.NamespaceNodeLease)
	remove := fmt.Appendf(nil, `{"metadata":{"annotations":{%q:null}}}`, description)
	if _, err := maps.Patch(ctx, name, types.MergePatchType, remove, metav1.PatchOptions{}); err != nil {
		return err
	}
	return p.processes[1].WaitReady(ctx, func(ctx context.Context) error {
		m, err := maps.Get(ctx, name, metav1.GetOptions{})
		if err == nil && m.Annotations[description] == "" {
			err = fmt.Errorf("ConfigMap %s has no %s", name, description)
		}
		return err
	})
}

// awaitControllers waits until the controller manager has given every namespace of the system its service account.
// Before that there are no pods, and in the beginning there may even be no namespaces.
func (p *Plane) awaitControllers(ctx context.Context) error {
	c, err := p.plain()
	if err != nil {
		return err
	}
	manager := p.processes[1]
	return manager.WaitReady(ctx, func(ctx context.Context) error {
		for _, ns := range []string{metav1.NamespaceDefault, metav1.NamespaceSystem, metav1.NamespacePublic,
			corev1.NamespaceNodeLease} {
			if _, err := c.CoreV1().ServiceAccounts(ns).Get(ctx, "default", metav1.GetOptions{}); err != nil {
				return err
			}
		}
		return nil
	})
}

// DialAPIServer connects to the API server as a pod's port-forward to 6443 does.
func (p *Plane) DialAPIServer() (net.Conn, error) {
	return dialTo(fmt.Sprintf("127.0.0.1:%d", p.port))()
}

// Processes are the running children.
func (p *Plane) Processes() []*Process { return p.processes }

// Stop ends the children and closes the gates.
func (p *Plane) Stop() {
	var wg sync.WaitGroup
	for _, child := range p.processes {
		wg.Go(child.Kill) // all that they know is in etcd, and an orderly end takes seconds
	}
	wg.Wait()
	for _, g := range []*Gate{p.Endpoint, p.Store} {
		if g != nil {
			g.Close()
		}
	}
}

// touching calls touch for everything that is read from the connections of dial.
func touching(dial func() (net.Conn, error), touch func()) func() (net.Conn, error) {
	if touch == nil {
		return dial
	}
	return func() (net.Conn, error) {
		c, err := dial()
		if err != nil {
			return nil, err
		}
		return &touchConn{c, touch}, nil
	}
}

type touchConn struct {
	net.Conn
	touch func()
}

func (c *touchConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.touch()
	}
	return n, err
}
