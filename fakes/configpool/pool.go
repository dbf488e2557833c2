package configpool

import (
	"slices"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The vendor publishes no Go types, so these follow the published definition.
type (
	pool struct {
		namespace, name string
		Spec            spec
		Status          status
	}
	spec struct {
		ClusterRef        corev1.ObjectReference `json:"clusterRef"`
		Configs           []slot                 `json:"configs"`
		Datacenter        string                 `json:"datacenter,omitempty"`
		ReleaseDelayHours *int64                 `json:"releaseDelayHours,omitempty"`
	}
	slot struct {
		Hostname        string   `json:"hostname"`
		Datacenter      string   `json:"datacenter,omitempty"`
		Network         *network `json:"network,omitempty"`
		PersistentDisks []disk   `json:"persistentDisks,omitempty"`
	}
	network struct {
		Primary    device   `json:"primary"`
		Additional []device `json:"additional,omitempty"`
	}
	device struct {
		NetworkName string   `json:"networkName"`
		DeviceName  string   `json:"deviceName,omitempty"`
		IP          string   `json:"ip,omitempty"`
		Gateway     string   `json:"gateway,omitempty"`
		IPv6        string   `json:"ipv6,omitempty"`
		IPv6Gateway string   `json:"ipv6Gateway,omitempty"`
		DNS         []string `json:"dns,omitempty"`
	}
	disk struct {
		Name           string   `json:"name"`
		SizeGiB        int32    `json:"sizeGiB"`
		Datastore      string   `json:"datastore,omitempty"`
		StoragePolicy  string   `json:"storagePolicy,omitempty"`
		UnitNumber     *int32   `json:"unitNumber,omitempty"`
		MountPath      string   `json:"mountPath,omitempty"`
		FSFormat       string   `json:"fsFormat,omitempty"`
		MountOptions   []string `json:"mountOptions,omitempty"`
		WipeFilesystem bool     `json:"wipeFilesystem,omitempty"`
		VolumePath     string   `json:"volumePath,omitempty"`
		DiskUUID       string   `json:"diskUUID,omitempty"`
	}
	status struct {
		Conditions     []condition             `json:"conditions,omitempty"`
		ConfigStatuses []slotStatus            `json:"configStatuses,omitempty"`
		ConsumerRef    *corev1.ObjectReference `json:"consumerRef,omitempty"`
	}
	slotStatus struct {
		Hostname         string                  `json:"hostname"`
		State            State                   `json:"state"`
		MachineRef       *corev1.ObjectReference `json:"machineRef,omitempty"`
		LastReleasedTime *metav1.Time            `json:"lastReleasedTime,omitempty"`
		ReclaimStatus    *reclaim                `json:"reclaimStatus,omitempty"`
	}
	reclaim struct {
		State      string       `json:"state,omitempty"`
		TaskRef    string       `json:"taskRef,omitempty"`
		VolumePath string       `json:"volumePath,omitempty"`
		LastError  string       `json:"lastError,omitempty"`
		RetryAfter *metav1.Time `json:"retryAfter,omitempty"`
	}
	// condition is Cluster API's of v1beta1.
	condition struct {
		Type               string      `json:"type"`
		Status             string      `json:"status"`
		Severity           string      `json:"severity,omitempty"`
		LastTransitionTime metav1.Time `json:"lastTransitionTime"`
		Reason             string      `json:"reason,omitempty"`
		Message            string      `json:"message,omitempty"`
	}
)

// GroupVersionKind is that of a VSphereMachineConfigPool.
func GroupVersionKind() schema.GroupVersionKind {
	return schema.GroupVersionKind{Group: "infrastructure.cluster.x-k8s.io", Version: "v1beta1", Kind: "VSphereMachineConfigPool"}
}

// New is an empty VSphereMachineConfigPool, for a client to read into.
func New() *unstructured.Unstructured {
	o := &unstructured.Unstructured{}
	o.SetGroupVersionKind(GroupVersionKind())
	return o
}

func read(o *unstructured.Unstructured) (*pool, error) {
	var fields struct {
		Spec   spec   `json:"spec"`
		Status status `json:"status,omitempty"`
	}
	err := runtime.DefaultUnstructuredConverter.FromUnstructured(o.Object, &fields)
	return &pool{o.GetNamespace(), o.GetName(), fields.Spec, fields.Status}, err
}

// plain is a value as the API server returns it.
func plain(v any) (map[string]any, error) {
	return runtime.DefaultUnstructuredConverter.ToUnstructured(v)
}

// slotOf is the slot of a hostname, nil when the pool has none.
func (p *pool) slotOf(hostname string) *slot {
	i := slices.IndexFunc(p.Spec.Configs, func(s slot) bool { return s.Hostname == hostname })
	if i < 0 {
		return nil
	}
	return &p.Spec.Configs[i]
}

// statusOf is the status of a slot, nil when nobody has looked at it yet.
func (p *pool) statusOf(hostname string) *slotStatus {
	i := slices.IndexFunc(p.Status.ConfigStatuses, func(s slotStatus) bool { return s.Hostname == hostname })
	if i < 0 {
		return nil
	}
	return &p.Status.ConfigStatuses[i]
}

// datacenterOf is where a slot's machine and disks live.
func (p *pool) datacenterOf(s *slot) string {
	if s.Datacenter != "" {
		return s.Datacenter
	}
	return p.Spec.Datacenter
}

// delay is how long a released slot keeps its disks for a machine of the same consumer.
func (p *pool) delay() time.Duration {
	if p.Spec.ReleaseDelayHours == nil {
		return 24 * time.Hour
	}
	return time.Duration(*p.Spec.ReleaseDelayHours) * time.Hour
}

// reusable tells whether nothing of the pool is bound to its consumer any more.
func (p *pool) reusable() bool {
	for i := range p.Spec.Configs {
		s := &p.Spec.Configs[i]
		if st := p.statusOf(s.Hostname); st != nil && st.State != Available {
			return false
		}
		if slices.ContainsFunc(s.PersistentDisks, func(d disk) bool { return d.VolumePath != "" }) {
			return false
		}
	}
	return true
}

// path is where a persistent disk lies: that of the disk that is there, or where a new one is made.
func (p *pool) path(s *slot, d *disk, datastore string) string {
	if d.VolumePath != "" {
		return d.VolumePath
	}
	if d.Datastore != "" {
		datastore = d.Datastore
	}
	return "[" + datastore + "] " + p.name + "-" + s.Hostname + "/" + d.Name + ".vmdk"
}
