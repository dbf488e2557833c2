package configpool

import (
	"crypto/sha256"
	"fmt"
	"testing"
)

// published is the digest of docs/shared/crds/providers/vmware-vsphere/infrastructure.cluster.x-k8s.io_vspheremachineconfigpools.yaml
// in github.com/alauda/immutable-infra-docs at e94b0da9f732c9390f8835c08ce7c72de50cb879.
const published = "065cc94dcf68e8686aaa2d5795f20b31403765185e5f6638ef84f0d91362462a"

// What the API accepts of a pool is the vendor's to say: the definition is taken as it was published or not at all.
func TestTheDefinitionIsThePublishedOne(t *testing.T) {
	if got := fmt.Sprintf("%x", sha256.Sum256(crd)); got != published {
		t.Errorf("crd.yaml: got digest %s, want %s, that of the published file", got, published)
	}
	if _, err := CRD(); err != nil {
		t.Error(err)
	}
}
