package sim

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"

	"github.com/blang/semver/v4"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
	"sigs.k8s.io/controller-runtime/pkg/client"

	controlplanev1 "sigs.k8s.io/cluster-api/api/controlplane/kubeadm/v1beta2"
	clusterv1 "sigs.k8s.io/cluster-api/api/core/v1beta2"
	kubeadmtypes "sigs.k8s.io/cluster-api/bootstrap/kubeadm/types"
	"sigs.k8s.io/cluster-api/bootstrap/kubeadm/types/upstream"
	"sigs.k8s.io/cluster-api/util/certs"
	"sigs.k8s.io/cluster-api/util/secret"

	"github.com/rehearse-dev/rehearse/fakes/cpi"
	"github.com/rehearse-dev/rehearse/fakes/etcd"
	"github.com/rehearse-dev/rehearse/fakes/kubeadm"
	"github.com/rehearse-dev/rehearse/fakes/kubelet"
	"github.com/rehearse-dev/rehearse/fakes/kubeovn"
	"github.com/rehearse-dev/rehearse/sim/kube"
)

// workload is one workload cluster: a real control plane over simulated machines.
type workload struct {
	t         *Twin
	plan      *clusterPlan
	name      string
	namespace string
	endpoint  *endpoint
	certs     secret.Certificates

	ca         *kube.CA
	etcdCA     *kube.CA
	network    *kubelet.Network
	leaderless *etcd.Leaderless
	readOnly   *etcd.ReadOnly
	balancer   balancer
	etcd       *etcd.Cluster
	plane      *kube.Plane
	kubelets   *kubelet.Kubelets
	client     client.Client // an administrator's, of the workload cluster
	releases   *releases
	registry   string // how the world's Cluster calls the site's registry
	cloud      *cpi.Manager
	images     images
	created    int // how many of the plan's workload manifests are applied

	mu      sync.Mutex
	running bool
	storage etcd.Storage      // what the API server finds; "": no member has started
	guests  map[string]*guest // by node name
}

// newWorkload reserves the endpoint.
func newWorkload(t *Twin, c *clusterPlan) (*workload, error) {
	e, err := newEndpoint()
	if err != nil {
		return nil, fmt.Errorf("cluster %s: control plane endpoint: %w", c.Name, err)
	}
	w := &workload{t: t, plan: c, name: c.Name, namespace: c.cluster.Object.GetNamespace(), endpoint: e, guests: map[string]*guest{},
		registry: c.cluster.str("metadata", "annotations", kubeovn.RegistryAnnotation)}
	w.images.hosts = []string{w.registry}
	w.balancer.w = w
	return w, nil
}

// newCertificates makes the CAs of a cluster that is found running. They are older than Cluster API would make them now:
// time.Now may be ahead of the machine's clock, which kube-controller-manager follows. Their keys are ECDSA: nothing that a
// runbook sees depends on it, and every handshake costs less.
func newCertificates() (secret.Certificates, error) {
	l := secret.NewCertificatesForInitialControlPlane(nil)
	for _, c := range l {
		pair := &certs.KeyPair{}
		if c.Purpose == secret.ServiceAccount {
			var err error
			if pair.Cert, pair.Key, err = kube.ServiceAccountKeys(); err != nil {
				return nil, err
			}
		} else {
			ca, err := kube.NewCA(string(c.Purpose))
			if err != nil {
				return nil, err
			}
			pair.Cert, pair.Key = ca.PEM, ca.Key
		}
		c.KeyPair, c.Generated = pair, true
	}
	return l, nil
}

func (w *workload) dir() string { return filepath.Join(w.t.o.Dir, "clusters", w.name) }

// host and port of the control plane endpoint.
func (w *workload) address() (host string, port int) {
	return w.endpoint.addr.IP.String(), w.endpoint.addr.Port
}

func (w *workload) controlPlaneName() string {
	return w.plan.cluster.str("spec", "controlPlaneRef", "name")
}

// start starts the control plane, the nodes' network and the models of what runs on them. Certificates are there.
func (w *workload) start(ctx context.Context) (err error) {
	pair := func(p secret.Purpose) *secret.Certificate { return w.certs.GetByPurpose(p) }
	if w.ca, err = kube.ParseCA(pair(secret.ClusterCA).KeyPair.Cert, pair(secret.ClusterCA).KeyPair.Key); err != nil {
		return err
	}
	if w.etcdCA, err = kube.ParseCA(pair(secret.EtcdCA).KeyPair.Cert, pair(secret.EtcdCA).KeyPair.Key); err != nil {
		return err
	}
	crt, err := w.ca.TLS(kube.Leaf{CommonName: "kubelet", IPs: []net.IP{net.IPv4(127, 0, 0, 1)}})
	if err != nil {
		return err
	}
	if w.network, err = kubelet.NewNetwork(kubelet.NetworkConfig{Certificate: crt, ClientCAs: w.ca.Pool(), Dial: w.dialPod}); err != nil {
		return err
	}
	host, _ := w.address()
	advertise := w.plan.infra.str("spec", "controlPlaneEndpoint", "host")
	if ip := net.ParseIP(advertise); ip == nil || ip.IsLoopback() || host == advertise {
		advertise = "172.20.0.10"
	}
	listener, err := w.endpoint.listen()
	if err != nil {
		return err
	}
	b := w.t.o.Binaries
	w.plane, err = kube.StartPlane(ctx, kube.PlaneConfig{Name: w.name, Dir: w.dir(), APIServer: b.APIServer, ControllerManager: b.ControllerManager, Scheduler: b.Scheduler,
		EtcdURL: w.t.etcd.URL, Env: []string{w.t.page.Env()}, Endpoint: listener, Advertise: advertise, ServiceCIDR: w.serviceCIDR(), EgressProxy: w.network.URL(),
		CACert: pair(secret.ClusterCA).KeyPair.Cert, CAKey: pair(secret.ClusterCA).KeyPair.Key, ProxyCert: pair(secret.FrontProxyCA).KeyPair.Cert,
		ServiceAccountCert: pair(secret.ServiceAccount).KeyPair.Cert, ServiceAccountKey: pair(secret.ServiceAccount).KeyPair.Key,
		Resumed: w.t.from != nil, WrapTransport: w.t.clock.WrapTransport, Touch: w.t.clock.Touch})
	if err != nil {
		return err
	}
	w.t.guard(w.plane.Processes()...)
	return w.startModels(ctx)
}

// startModels starts what is not real: etcd's membership, kubelets, the cloud controller manager's effect.
func (w *workload) startModels(ctx context.Context) (err error) {
	d := w.t.plan.durations
	w.leaderless = etcd.NewLeaderless()
	if w.readOnly, err = etcd.NewReadOnly(strings.TrimPrefix(w.t.etcd.URL, "http://")); err != nil {
		return err
	}
	w.etcd = etcd.New(etcd.Config{Name: w.name, Seed: int64(w.t.plan.Seed), Clock: w.t.clock, ClientCAs: w.etcdCA.Pool(), OnStorage: w.store,
		CatchUp: d.Of("etcd-catch-up"),
		Certificate: func(member string) (tls.Certificate, error) {
			return w.etcdCA.TLS(kube.Leaf{CommonName: member, DNS: []string{member, "etcd-" + member, "localhost"}, IPs: []net.IP{net.IPv4(127, 0, 0, 1)}})
		}})
	w.images.registry, w.images.hosts = w.t.registry.URL(), append(w.images.hosts, w.t.registry.Host())
	w.kubelets, err = kubelet.Start(ctx, kubelet.Config{API: w.plane.Admin, Clock: w.t.clock, Network: w.network, PullImage: w.images.pull, Losses: w.t.losses,
		Timing: kubelet.Timing{NodeReady: d.Of("node-ready"), PodStart: d.Of("pod-start"), Init: d.Of("pod-init"), PodStop: d.Of("pod-stop"), Job: d.Of("job-run")}})
	if err != nil {
		return err
	}
	if w.client, err = client.New(w.plane.Admin, client.Options{}); err != nil {
		return err
	}
	if err := w.collectOrphans(); err != nil {
		return err
	}
	if err := w.startReleases(ctx); err != nil {
		return err
	}
	w.cloud, err = cpi.Start(w.t.run, cpi.Config{Client: w.kubelets.Client(), Clock: w.t.clock, Delay: d.Of("cpi-initialise"), Instance: w.instance, Namesake: w.t.vcenter.HasHostName})
	w.mu.Lock()
	w.running = true
	w.mu.Unlock()
	return err
}

// store gives the API server the storage that etcd's members add up to.
func (w *workload) store(now etcd.Storage) {
	w.mu.Lock()
	before := w.storage
	w.storage = now
	w.mu.Unlock()
	switch {
	case now == etcd.Lost:
		w.plane.Store.Reroute(w.leaderless.Dial)
	case now == etcd.Full:
		w.plane.Store.Reroute(w.readOnly.Dial)
	case before != "": // not when the first member comes up: that would cut connections for nothing
		w.plane.Store.Reroute(nil)
		w.kubelets.Reconnected()
	}
}

// dialPod is where port-forwards of the API server end.
func (w *workload) dialPod(ctx context.Context, node, namespace, pod string, port int32) (net.Conn, error) {
	switch {
	case namespace == metav1.NamespaceSystem && pod == "etcd-"+node && port == 2379:
		return w.etcd.Dial(ctx, node)
	case namespace == metav1.NamespaceSystem && pod == "kube-apiserver-"+node && port == 6443:
		return w.plane.DialAPIServer()
	}
	return nil, fmt.Errorf("dial tcp4 127.0.0.1:%d: connect: connection refused", port)
}

func (w *workload) serviceCIDR() string { return w.cidr("services", kubeadm.DefaultServiceSubnet) }

func (w *workload) cidr(of, otherwise string) string {
	l, _, _ := nestedStrings(w.plan.cluster.Object, "spec", "clusterNetwork", of, "cidrBlocks")
	if len(l) == 0 {
		return otherwise
	}
	return l[0]
}

// administrator reads the kubeconfig that Cluster API keeps for the cluster.
func (w *workload) administrator() (*rest.Config, error) {
	s := &corev1.Secret{}
	if err := w.t.admin.Get(w.t.run, client.ObjectKey{Namespace: w.namespace, Name: secret.Name(w.name, secret.Kubeconfig)}, s); err != nil {
		return nil, fmt.Errorf("kubeconfig of cluster %s: %w", w.name, err)
	}
	c, err := clientcmd.RESTConfigFromKubeConfig(s.Data[secret.KubeconfigDataName])
	if err != nil {
		return nil, fmt.Errorf("kubeconfig of cluster %s: %w", w.name, err)
	}
	c.QPS, c.WrapTransport = -1, w.t.clock.WrapTransport
	return c, nil
}

// instance is what vCenter says of a node's VM.
func (w *workload) instance(node string) (cpi.Instance, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	g, ok := w.guests[node]
	if !ok {
		return cpi.Instance{}, false
	}
	return cpi.Instance{UUID: g.uuid, IP: g.ip, Off: !g.on}, true
}

// adopt writes the cluster as if the controllers had provisioned it.
func (w *workload) adopt(ctx context.Context) error {
	a := &adopter{c: w.t.admin, seed: w.t.plan.Seed, ip: w.t.addresses.lease, cluster: &clusterv1.Cluster{}, kcp: &controlplanev1.KubeadmControlPlane{}}
	if err := w.t.admin.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: w.name}, a.cluster); err != nil {
		return err
	}
	if err := w.t.admin.Get(ctx, client.ObjectKey{Namespace: w.namespace, Name: w.controlPlaneName()}, a.kcp); err != nil {
		return err
	}
	mds := &clusterv1.MachineDeploymentList{}
	if err := w.t.admin.List(ctx, mds, client.InNamespace(w.namespace)); err != nil {
		return err
	}
	for i := range mds.Items {
		if mds.Items[i].Spec.ClusterName == w.name {
			a.deployments = append(a.deployments, &mds.Items[i])
		}
	}
	if err := w.endpointOf(ctx, a); err != nil {
		return err
	}
	a.caHash = w.ca.Hash()
	a.pools = w.plan.pooled()
	if err := a.certificates(ctx, w.certs); err != nil {
		return err
	}
	machines, err := a.machines(ctx)
	if err != nil {
		return err
	}
	return w.populate(ctx, a, machines)
}

// endpointOf copies the control plane endpoint to the Cluster, as the Cluster controller does.
func (w *workload) endpointOf(ctx context.Context, a *adopter) error {
	before := a.cluster.DeepCopy()
	host, port := w.address()
	a.cluster.Spec.ControlPlaneEndpoint = clusterv1.APIEndpoint{Host: host, Port: int32(port)}
	return w.t.admin.Patch(ctx, a.cluster, client.MergeFrom(before))
}

// clusterConfiguration is what kubeadm init was told when the cluster was made.
func (w *workload) clusterConfiguration(a *adopter) (kubeadm.Cluster, error) {
	v, err := semver.ParseTolerant(a.kcp.Spec.Version)
	if err != nil {
		return kubeadm.Cluster{}, fmt.Errorf("version %q: %w", a.kcp.Spec.Version, err)
	}
	conf := a.kcp.Spec.KubeadmConfigSpec.ClusterConfiguration.DeepCopy()
	host, port := w.address()
	conf.ControlPlaneEndpoint = net.JoinHostPort(host, fmt.Sprint(port))
	services, pods := w.serviceCIDR(), w.cidr("pods", "")
	text, err := kubeadmtypes.MarshalClusterConfigurationForVersion(conf, v, &upstream.AdditionalData{KubernetesVersion: &a.kcp.Spec.Version, ClusterName: &w.name, ServiceSubnet: &services, PodSubnet: &pods})
	if err != nil {
		return kubeadm.Cluster{}, err
	}
	c, err := kubeadm.ReadCluster([]byte(text))
	c.CA = string(w.ca.PEM)
	return c, err
}

// close ends the children and the models.
func (w *workload) close() {
	if w.kubelets != nil {
		w.kubelets.Close()
	}
	if w.plane != nil {
		w.plane.Stop()
	} else {
		w.endpoint.close()
	}
	if w.network != nil {
		w.network.Close()
	}
	if w.etcd != nil {
		w.etcd.Close()
	}
	if w.leaderless != nil {
		w.leaderless.Close()
	}
	if w.readOnly != nil {
		w.readOnly.Close()
	}
}
