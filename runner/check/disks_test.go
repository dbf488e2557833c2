package check

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

func TestTheDisksOfPoolsAreToldBeforeWhatMayBeJudgedByThem(t *testing.T) {
	var told []journal.Body
	var answer []journal.Disk
	var fails error
	o := &Observer{disks: map[string]journal.Disk{}, emit: func(b journal.Body) error { told = append(told, b); return nil }}
	o.scope.Disks = func(_ context.Context, paths []string) ([]journal.Disk, error) {
		if diff := cmp.Diff([]string{"[ds] etcd.vmdk"}, paths); diff != "" {
			t.Errorf("asked for (-want +got):\n%s", diff)
		}
		return answer, fails
	}
	see := func(b journal.Body, want ...journal.Body) {
		t.Helper()
		told = nil
		if err := o.lookAtDisks(t.Context(), b); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Errorf("told (-want +got):\n%s", diff)
		}
	}
	see(cp("a", "v1.33.7")) // no pool, no question
	answer = []journal.Disk{disk("etcd", "a")}
	see(pool(slot("cp-1", journal.SlotInUse, "a", "u-1")), disk("etcd", "a"))
	see(cp("a", "v1.33.7")) // nothing new
	see(journal.ControlPlane{})
	answer = []journal.Disk{disk("etcd")}
	see(cp("a", "v1.33.7", deleting), disk("etcd"))
	fails = errors.New("vCenter is down")
	see(gone("a"), journal.Disk{})
	fails, answer = nil, []journal.Disk{{Path: "[ds] etcd.vmdk"}}
	see(cp("d", "v1.34.5", starting), answer[0]) // on no VM: that is known
	answer = []journal.Disk{disk("etcd", "d")}
	see(cp("d", "v1.34.5"), disk("etcd", "d"))
}
