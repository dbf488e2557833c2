package sim

import (
	"encoding/json"
	"fmt"

	"github.com/rehearse-dev/rehearse/fakes/configpool"
	"github.com/rehearse-dev/rehearse/fakes/vcenter"
)

// etcdDir is where etcd keeps its data.
const etcdDir = "/var/lib/etcd"

// checkEtcdDisk is kubeadm's preflight check of etcd's directory: a persistent disk that another machine has filled and
// that is not wiped at the first boot is not empty (k8s.io/kubernetes@v1.35.4 cmd/kubeadm/app/preflight DirAvailableCheck).
func (t *Twin) checkEtcdDisk(vm vcenter.VM) error {
	config, err := t.vcenter.ExtraConfig(vm.Ref)
	if err != nil {
		return err
	}
	var disks []configpool.GuestDisk
	if text := config[configpool.DisksKey]; text != "" {
		if err := json.Unmarshal([]byte(text), &disks); err != nil {
			return fmt.Errorf("VM %s: %s: %w", vm.Name, configpool.DisksKey, err)
		}
	}
	for _, d := range disks {
		if d.MountPath == etcdDir && d.Used && !d.Wipe {
			return &joinError{"[preflight] Some fatal errors occurred: [ERROR DirAvailable--var-lib-etcd]: /var/lib/etcd is not empty"}
		}
	}
	return nil
}
