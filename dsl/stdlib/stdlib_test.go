package stdlib_test

import (
	"testing"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/dsl/diag"
)

func TestTheRunbookLoads(t *testing.T) {
	if _, err := (dsl.Loader{}).Runbook("../../scenarios/vsphere/upgrade.star"); err != nil {
		t.Fatal(diag.Text(err))
	}
}
