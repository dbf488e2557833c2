package kube

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/client-go/kubernetes"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rehearse-dev/rehearse/fakes/cpi"
	"github.com/rehearse-dev/rehearse/fakes/etcd"
	"github.com/rehearse-dev/rehearse/fakes/fakekit/fakeclock"
	"github.com/rehearse-dev/rehearse/fakes/kubeadm"
	"github.com/rehearse-dev/rehearse/fakes/kubelet"
)

const version = "v1.34.5"

// world is one workload cluster on a clock that only the test moves.
type world struct {
	*Plane
	t        *testing.T
	clock    *fakeclock.Clock
	network  *kubelet.Network
	kubelets *kubelet.Kubelets
	etcd     *etcd.Cluster
	etcdCA   *CA
	c        *kubernetes.Clientset
	crc      client.Client
}

func newWorld(t *testing.T) *world {
	t.Helper()
	ctx, bin, dir := deadline(t, 2*time.Minute), binaries(t), t.TempDir()
	w := &world{t: t, clock: fakeclock.New(), etcdCA: newCA(t, "etcd-ca")}
	ca, proxy := newCA(t, "kubernetes"), newCA(t, "front-proxy")
	store, err := StartEtcd(ctx, filepath.Join(bin, "etcd"), dir)
	w.must(err)
	t.Cleanup(store.Stop)
	crt, err := ca.TLS(Leaf{CommonName: "kubelet", IPs: loopback})
	w.must(err)
	w.network, err = kubelet.NewNetwork(kubelet.NetworkConfig{Certificate: crt, ClientCAs: ca.Pool(), Dial: w.dialPod})
	w.must(err)
	t.Cleanup(w.network.Close)
	w.etcd = etcd.New(etcd.Config{Name: "prod-a", Clock: w.clock, ClientCAs: w.etcdCA.Pool(),
		Certificate: func(m string) (tls.Certificate, error) {
			return w.etcdCA.TLS(Leaf{CommonName: m, DNS: []string{"etcd-" + m}})
		}})
	t.Cleanup(w.etcd.Close)
	pub, sa, err := ServiceAccountKeys()
	w.must(err)
	w.Plane, err = StartPlane(ctx, PlaneConfig{Name: "prod-a", Dir: filepath.Join(dir, "prod-a"), EtcdURL: store.URL,
		Endpoint: listen(t), Advertise: "10.0.0.10",
		APIServer: filepath.Join(bin, "kube-apiserver"), ControllerManager: filepath.Join(bin,
			"kube-controller-manager"), Scheduler: filepath.Join(bin, "kube-scheduler"),
		ServiceCIDR: "10.96.0.0/12", EgressProxy: w.network.URL(), CACert: ca.PEM, CAKey: ca.Key, ProxyCert: proxy.PEM,
		ServiceAccountCert: pub, ServiceAccountKey: sa, NodeMonitorGrace: 8 * time.Second})
	w.must(err)
	t.Cleanup(w.Plane.Stop)
	w.kubelets, err = kubelet.Start(ctx, kubelet.Config{API: w.Admin, Clock: w.clock, Network: w.network,
		Heartbeat: 2 * time.Second,
		PullImage: func(_ context.Context, image string) error {
			if strings.HasSuffix(image, ":missing") {
				return errors.New("manifest unknown")
			}
			return nil
		}})
	w.must(err)
	t.Cleanup(w.kubelets.Close)
	w.c = w.kubelets.Client()
	w.crc, err = client.New(w.Admin, client.Options{})
	w.must(err)
	return w
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) dialPod(ctx context.Context, node, namespace, pod string, port int32) (net.Conn, error) {
	switch {
	case pod == "etcd-"+node && port == 2379:
		return w.etcd.Dial(ctx, node)
	case pod == "kube-apiserver-"+node && port == 6443:
		return w.DialAPIServer()
	}
	return nil, errors.New("connect: connection refused")
}

// await moves site time on, a second at a time, until the real processes have made check true.
func (w *world) await(what string, check func(context.Context) error) {
	w.t.Helper()
	ctx := deadline(w.t, 40*time.Second)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		err := check(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			w.t.Fatalf("%s: %v", what, err)
		case <-tick.C:
			w.clock.Advance(time.Second)
		}
	}
}

const initData = `## template: jinja
#cloud-config

write_files:
-   path: /run/kubeadm/kubeadm.yaml
    owner: root:root
    permissions: '0640'
    content: |
      ---
      apiVersion: kubeadm.k8s.io/v1beta4
      kind: ClusterConfiguration
      clusterName: prod-a
      controlPlaneEndpoint: 127.0.0.1:6443
      kubernetesVersion: v1.34.5
      dns: {imageTag: v1.12.1}
      etcd: {local: {imageTag: 3.6.5-0}}
      networking: {serviceSubnet: 10.96.0.0/12, podSubnet: 10.3.0.0/16}
      ---
      apiVersion: kubeadm.k8s.io/v1beta4
      kind: InitConfiguration
      nodeRegistration:
        name: '{{ local_hostname }}'
        kubeletExtraArgs:
        - {name: cloud-provider, value: external}
runcmd:
  - 'kubeadm init --config /run/kubeadm/kubeadm.yaml  && echo success > /run/cluster-api/bootstrap-success.complete'
`

const joinData = `## template: jinja
#cloud-config

write_files:
-   path: /run/kubeadm/kubeadm-join-config.yaml
    content: |
      ---
      apiVersion: kubeadm.k8s.io/v1beta4
      kind: JoinConfiguration
      discovery: {bootstrapToken: {token: abcdef.0123456789abcdef}}
      nodeRegistration:
        name: '{{ ds.meta_data.local_hostname }}'
        kubeletExtraArgs:
        - {name: cloud-provider, value: external}
        - {name: node-labels, value: "pool=md-0"}
`

// boot runs kubeadm and the kubelet of a machine.
func (w *world) boot(data, name, ip string) {
	w.t.Helper()
	ctx := w.t.Context()
	b, err := kubeadm.Parse([]byte(data), name)
	w.must(err)
	n := kubelet.Node{Name: b.Node.Name, IP: ip, Kubernetes: version, Labels: b.Node.Labels, Taints: b.Node.Taints,
		UUID: "uuid-" + name}
	if b.ControlPlane {
		w.must(w.etcd.Bootstrap(etcd.Peer{Name: name, IP: ip, Version: "3.6.5"}))
		n.StaticPods = kubeadm.StaticPods(b.Cluster, version, ip)
	}
	w.must(w.kubelets.Run(ctx, n))
	if b.Init {
		objects, err := kubeadm.InitObjects(b.Cluster, version)
		w.must(err)
		for _, o := range objects {
			w.must(w.crc.Create(ctx, o))
		}
	}
}

func (w *world) pods(ctx context.Context, selector string) []corev1.Pod {
	l, err := w.c.CoreV1().Pods("").List(ctx, metav1.ListOptions{LabelSelector: selector})
	if err != nil {
		return nil
	}
	return l.Items
}

// running is nil when exactly n pods of the selector are ready.
func (w *world) running(selector string, n int) func(context.Context) error {
	return func(ctx context.Context) error {
		var got []string
		ready := 0
		for _, p := range w.pods(ctx, selector) {
			i := slices.IndexFunc(p.Status.Conditions,
				func(c corev1.PodCondition) bool {
					return c.Type == corev1.PodReady &&
						c.Status == corev1.ConditionTrue
				})
			got = append(got, fmt.Sprintf("%s on %q: %s", p.Name, p.Spec.NodeName, p.Status.Phase))
			if i >= 0 {
				ready++
			}
		}
		if ready != n || len(got) != n {
			return fmt.Errorf("%s: got %d ready of %q, want %d", selector, ready, got, n)
		}
		return nil
	}
}

func (w *world) node(name string, check func(*corev1.Node) error) func(context.Context) error {
	return func(ctx context.Context) error {
		n, err := w.c.CoreV1().Nodes().Get(ctx, name, metav1.GetOptions{})
		if err != nil {
			return err
		}
		return check(n)
	}
}

func ready(want corev1.ConditionStatus) func(*corev1.Node) error {
	return func(n *corev1.Node) error {
		for _, c := range n.Status.Conditions {
			if c.Type == corev1.NodeReady && c.Status == want {
				return nil
			}
		}
		return fmt.Errorf("node %s: got conditions %v, want Ready=%s", n.Name, n.Status.Conditions, want)
	}
}

func named(app string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: "default", Name: app, Labels: map[string]string{"app": app}}
}

func template(app, image string) (*metav1.LabelSelector, corev1.PodTemplateSpec) {
	labels := map[string]string{"app": app}
	return &metav1.LabelSelector{MatchLabels: labels},
		corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels},
			Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: app, Image: image}}}}
}

func (w *world) deploy(app, image string, replicas int32) {
	w.t.Helper()
	selector, pod := template(app, image)
	w.must(w.crc.Create(w.t.Context(), &appsv1.Deployment{ObjectMeta: named(app),
		Spec: appsv1.DeploymentSpec{Replicas: &replicas, Selector: selector, Template: pod}}))
}

// cloudController starts what initialises nodes.
func (w *world) cloudController() {
	w.t.Helper()
	_, err := cpi.Start(w.t.Context(), cpi.Config{Client: w.c, Clock: w.clock, Delay: 5 * time.Second,
		Instance: func(node string) (cpi.Instance, bool) {
			return cpi.Instance{UUID: "uuid-" + node, IP: "10.0.0.1"}, true
		}})
	w.must(err)
	labels := map[string]string{"k8s-app": cpi.DaemonSet}
	w.must(w.crc.Create(w.t.Context(), &appsv1.DaemonSet{ObjectMeta: metav1.ObjectMeta{Namespace: "kube-system",
		Name: cpi.DaemonSet}, Spec: appsv1.DaemonSetSpec{
		Selector: &metav1.LabelSelector{MatchLabels: labels},
		Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: corev1.PodSpec{
			HostNetwork: true, Tolerations: []corev1.Toleration{{Operator: corev1.TolerationOpExists}},
			Containers: []corev1.Container{{Name: "manager", Image: "cpi:v1"}}}}}}))
}

// TestWorkloadCluster is the life of one real control plane over two simulated machines, told in order: each part needs
// the ones before.
func TestWorkloadCluster(t *testing.T) {
	w := newWorld(t)
	ctx := t.Context()

	w.boot(initData, "cp-1", "10.0.0.1")
	w.await("the first node is ready", w.node("cp-1", ready(corev1.ConditionTrue)))
	w.await("static pods run", w.running("tier=control-plane", 4))
	etcdPod, err := w.c.CoreV1().Pods("kube-system").Get(ctx, "etcd-cp-1", metav1.GetOptions{})
	w.must(err)
	if got := etcdPod.Spec.Containers[0].Image; got != "registry.k8s.io/etcd:3.6.5-0" {
		t.Errorf("etcd's image: got %q", got)
	}
	w.boot(joinData, "md-1", "10.0.0.2")
	w.await("the second node is ready", w.node("md-1", ready(corev1.ConditionTrue)))
	w.await("kube-proxy runs everywhere", w.running("k8s-app=kube-proxy", 2))

	w.await("nodes wait for the cloud provider", w.node("md-1", func(n *corev1.Node) error {
		if n.Spec.ProviderID != "" || n.Labels["pool"] != "md-0" {
			return fmt.Errorf("got provider ID %q, labels %v", n.Spec.ProviderID, n.Labels)
		}
		return nil
	}))
	if pods := w.pods(ctx, "k8s-app=kube-dns"); len(pods) != 2 || pods[0].Spec.NodeName != "" {
		t.Errorf("CoreDNS before the cloud provider: got %d pods, the first on %q, want 2 unscheduled", len(pods),
			pods[0].Spec.NodeName)
	}
	w.cloudController()
	w.await("the cloud provider initialises nodes", w.node("md-1", func(n *corev1.Node) error {
		if n.Spec.ProviderID != "vsphere://uuid-md-1" || slices.ContainsFunc(n.Spec.Taints,
			func(t corev1.Taint) bool { return strings.Contains(t.Key, "cloudprovider") }) {
			return fmt.Errorf("got provider ID %q, taints %v", n.Spec.ProviderID, n.Spec.Taints)
		}
		return nil
	}))
	w.await("CoreDNS runs", w.running("k8s-app=kube-dns", 2))

	w.deploy("web", "web:v1", 2)
	w.await("a Deployment runs", w.running("app=web", 2))
	t.Run("a budget blocks an eviction", w.budget)
	t.Run("an evicted pod ends and comes back", w.evict)
	t.Run("port-forward reaches etcd and the API server", w.forward)
	t.Run("a missing image is pulled with back-off", w.image)
	t.Run("a crashed static pod shows and heals", w.crash)
	t.Run("an API server without its storage says so and comes back", w.leaderless)
	t.Run("an adopted cluster is there at once", w.adopt)
	t.Run("a silent kubelet loses its node until it speaks", w.silence)
	if l := w.clock.GivenUp(); len(l) != 0 {
		t.Errorf("given up: %q", l)
	}
}

func (w *world) evictOne(ctx context.Context) (string, error) {
	p := w.pods(ctx, "app=web")[0]
	return p.Name, w.c.CoreV1().Pods("default").EvictV1(ctx,
		&policyv1.Eviction{ObjectMeta: metav1.ObjectMeta{Namespace: "default", Name: p.Name}})
}

func (w *world) budget(t *testing.T) {
	pdb := &policyv1.PodDisruptionBudget{ObjectMeta: named("web"), Spec: policyv1.PodDisruptionBudgetSpec{
		MaxUnavailable: ptr.To(intstr.FromInt32(0)),
		Selector:       &metav1.LabelSelector{MatchLabels: map[string]string{"app": "web"}}}}
	w.must(w.crc.Create(t.Context(), pdb))
	w.await("the budget is counted", func(ctx context.Context) error {
		if err := w.crc.Get(ctx, client.ObjectKeyFromObject(pdb), pdb); err != nil || pdb.Status.CurrentHealthy != 2 {
			return fmt.Errorf("got %d healthy, %v", pdb.Status.CurrentHealthy, err)
		}
		return nil
	})
	if _, err := w.evictOne(t.Context()); !apierrors.IsTooManyRequests(err) ||
		!strings.Contains(err.Error(), "disruption budget") {
		t.Errorf("got %v, want a refusal by the budget", err)
	}
	w.must(w.crc.Delete(t.Context(), pdb))
}

func (w *world) evict(t *testing.T) {
	var name string
	w.await("evict", func(ctx context.Context) (err error) {
		name, err = w.evictOne(ctx)
		return err
	})
	w.await("the pod is gone", func(ctx context.Context) error {
		if _, err := w.c.CoreV1().Pods("default").Get(ctx, name, metav1.GetOptions{}); !apierrors.IsNotFound(err) {
			return fmt.Errorf("got %v, want not found", err)
		}
		return nil
	})
	w.await("its successor runs", w.running("app=web", 2))
}

func (w *world) image(t *testing.T) {
	w.deploy("bad", "bad:missing", 1)
	w.await("the pod says why", func(ctx context.Context) error {
		for _, p := range w.pods(ctx, "app=bad") {
			for _, c := range p.Status.ContainerStatuses {
				if s := c.State.Waiting; s != nil && s.Reason == "ImagePullBackOff" &&
					strings.Contains(s.Message, "manifest unknown") {
					return nil
				}
			}
		}
		return errors.New("no container in ImagePullBackOff")
	})
}

func (w *world) crash(t *testing.T) {
	f := kubelet.CrashLoop("etcd")
	w.must(w.kubelets.Fail(t.Context(), "kube-system", "etcd-cp-1", &f))
	p, err := w.c.CoreV1().Pods("kube-system").Get(t.Context(), "etcd-cp-1", metav1.GetOptions{})
	if err != nil || p.Status.ContainerStatuses[0].State.Waiting == nil {
		t.Errorf("right after the crash: got %v, %v, want a waiting container", p.Status.ContainerStatuses, err)
	}
	if conn, err := tls.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", w.forwarded(t, "etcd-cp-1", 2379)),
		&tls.Config{InsecureSkipVerify: true}); err == nil {
		conn.Close()
		t.Error("a crashed etcd answers through a port-forward")
	}
	w.must(w.kubelets.Fail(t.Context(), "kube-system", "etcd-cp-1", nil))
	w.await("all four are ready", w.running("tier=control-plane", 4))
}

// leaderless takes the storage away as the loss of etcd's quorum does.
func (w *world) leaderless(t *testing.T) {
	l := etcd.NewLeaderless()
	defer l.Close()
	write := func(ctx context.Context) error {
		_, err := w.c.CoreV1().ConfigMaps("default").Create(ctx,
			&corev1.ConfigMap{ObjectMeta: metav1.ObjectMeta{GenerateName: "x-"}}, metav1.CreateOptions{})
		return err
	}
	w.must(write(t.Context()))
	w.Store.Reroute(l.Dial)
	for what, do := range map[string]func(context.Context) error{"write": write,
		"read": func(ctx context.Context) error {
			_, err := w.c.CoreV1().Nodes().Get(ctx, "cp-1", metav1.GetOptions{})
			return err
		}} {
		w.await("a "+what+" fails for want of a leader", func(ctx context.Context) error {
			if err := do(ctx); err == nil || !strings.Contains(err.Error(), "etcdserver: request timed out") {
				return fmt.Errorf("got %v, want etcdserver: request timed out", err)
			}
			return nil
		})
	}
	w.Store.Reroute(nil)
	w.kubelets.Reconnected()
	w.clock.Settle() // site time goes on when everything works again
	w.must(write(t.Context()))
}

// adopt lets machines be found running: nothing takes site time, which stands still here.
func (w *world) adopt(t *testing.T) {
	w.kubelets.Instant(true)
	defer w.kubelets.Instant(false)
	g, ctx := errgroup.WithContext(deadline(t, patient))
	for i := range 5 {
		n := kubelet.Node{Name: fmt.Sprint("md-1", i), IP: fmt.Sprint("10.0.1.", i), Kubernetes: version,
			ProviderID: fmt.Sprint("vsphere://", i)}
		g.Go(func() error { return w.kubelets.Run(ctx, n) })
	}
	w.must(g.Wait())
	ctx = deadline(t, patient)
	for check := w.running("k8s-app=kube-proxy", 7); ; {
		err := check(ctx)
		if err == nil {
			return
		}
		if ctx.Err() != nil {
			t.Fatal(err)
		}
	}
}

func (w *world) silence(t *testing.T) {
	w.must(w.kubelets.SetKubelet("md-1", false))
	w.await("the node controller misses it", w.node("md-1", ready(corev1.ConditionUnknown)))
	w.must(w.kubelets.SetKubelet("md-1", true))
	w.await("the node is back", w.node("md-1", ready(corev1.ConditionTrue)))
	w.await("its pods are ready again", w.running("app=web", 2))
}
