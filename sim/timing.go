package sim

import (
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"time"
)

// Timing is one duration of site time that the twin owns.
type Timing struct {
	Key     string
	Default time.Duration
	Source  string // where the number comes from, or "guess: …"
}

// Timings is the table, sorted by key. With its defaults the replacement of a VM takes about five minutes.
var Timings = []Timing{
	{"app-release-download", 5 * time.Second, "guess: a chart is small"},
	{"app-release-health", 35 * time.Second, "000_d64b8bff74bf7917.txt: the full transition takes about one minute on small clusters"},
	{"app-release-upgrade", 20 * time.Second, "000_d64b8bff74bf7917.txt: as above"},
	{"cpi-initialise", 5 * time.Second, "guess: one loop of the cloud node controller"},
	{"etcd-catch-up", 2 * time.Second, "guess: a learner receives a snapshot of a small database"},
	{"guest-address", 40 * time.Second, "guess: firmware, kernel and VMware Tools until the first address"},
	{"guest-boot", 70 * time.Second, "guess: cloud-init, disks and loading of the images in the template"},
	{"guest-restart", 30 * time.Second, "guess: a boot without cloud-init's work, until the kubelet starts"},
	{"job-run", 10 * time.Second, "guess: what the containers of a Job do is not known"},
	{"kubeadm-etcd-patience", 2 * time.Minute, "k8s.io/kubernetes@v1.35.4 cmd/kubeadm/app/constants: EtcdAPICallTimeout"},
	{"kubeadm-init", 150 * time.Second, "guess: a first control plane takes 5 to 10 minutes in the vendor's documents, with the boot"},
	{"kubeadm-join", 60 * time.Second, "guess: join until the kubelet registers the node"},
	{"kubeadm-patience", 5 * time.Minute, "k8s.io/kubernetes@v1.35.4 cmd/kubeadm/app/constants: DiscoveryTimeout and TLSBootstrapTimeout"},
	{"node-ready", 10 * time.Second, "guess: container runtime and CNI, after the kubelet has registered its node"},
	{"pod-init", 2 * time.Second, "guess: each init container"},
	{"pod-start", 4 * time.Second, "guess: images are in the VM template"},
	{"pod-stop", 4 * time.Second, "guess: containers that heed SIGTERM"},
	{"vm-clone", 80 * time.Second, "guess: a full clone of a 20 GiB template on one datastore"},
	{"vm-destroy", 12 * time.Second, "guess"},
	{"vm-power-off", 8 * time.Second, "guess: a hard power off and its task"},
	{"vm-power-on", 5 * time.Second, "guess"},
	{"vm-reconfigure", 3 * time.Second, "guess"},
}

// Durations are the timings of one world, with jitter per name drawn from the seed.
type Durations struct {
	of   map[string]time.Duration
	seed uint64
}

// NewDurations applies overrides to the table; an unknown key is an error that names the known ones.
func NewDurations(override map[string]time.Duration, seed uint64) (Durations, error) {
	d := Durations{of: map[string]time.Duration{}, seed: seed}
	for _, t := range Timings {
		d.of[t.Key] = t.Default
	}
	for _, k := range slices.Sorted(maps.Keys(override)) {
		if _, ok := d.of[k]; !ok {
			return Durations{}, fmt.Errorf("timing %q: got an unknown key, want one of %v", k, slices.Sorted(maps.Keys(d.of)))
		}
		if override[k] < 0 {
			return Durations{}, fmt.Errorf("timing %q: got %s, want zero or more", k, override[k])
		}
		d.of[k] = override[k]
	}
	return d, nil
}

// Of is the duration of key, without jitter. An unknown key is a programming error.
func (d Durations) Of(key string) time.Duration {
	v, ok := d.of[key]
	if !ok {
		panic(fmt.Sprintf("timing %q is not in the table", key))
	}
	return v
}

// For is the duration of key for one machine: up to a tenth longer, always the same for a seed, key and name.
func (d Durations) For(key, name string) time.Duration {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d/%s/%s", d.seed, key, name)
	v := d.Of(key)
	return v + v/10*time.Duration(h.Sum64()%1000)/1000
}
