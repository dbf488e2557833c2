package vcenter

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestPlan(t *testing.T) {
	for _, tt := range []struct {
		name   string
		places []Place
		want   layout
	}{
		{"nothing named gets one of each", nil, layout{
			[]string{"/Datacenter"}, map[kind][]string{
				pools: {"/Datacenter/host/cluster-1/Resources"}, datastores: {"/Datacenter/datastore/datastore-1"},
				networks: {"/Datacenter/network/VM Network"},
			}}},
		{"bare names live in the datacenter of the place's path", []Place{{
			Folder: "/DC1/vm/rehearse", ResourcePool: "/DC1/host/cluster-1/Resources", Datastore: "fast",
			Networks: []string{"VM Network", "storage"},
		}}, layout{
			[]string{"/DC1"}, map[kind][]string{
				folders: {"/DC1/vm/rehearse"}, pools: {"/DC1/host/cluster-1/Resources"},
				datastores: {"/DC1/datastore/fast"}, networks: {"/DC1/network/VM Network", "/DC1/network/storage"},
			}}},
		{"parents are made before children", []Place{{
			Folder: "/site/DC1/vm/a/b", ResourcePool: "/site/DC1/host/blue/c/Resources/p/q",
		}}, layout{
			[]string{"/site/DC1"}, map[kind][]string{
				folders: {"/site/DC1/vm/a", "/site/DC1/vm/a/b"},
				pools: {"/site/DC1/host/blue/c/Resources", "/site/DC1/host/blue/c/Resources/p",
					"/site/DC1/host/blue/c/Resources/p/q"},
				datastores: {"/site/DC1/datastore/datastore-1"}, networks: {"/site/DC1/network/VM Network"},
			}}},
		{"a bare pool belongs to the named cluster, wherever it is named", []Place{
			{ResourcePool: "pool-a"}, {ResourcePool: "big/Resources"}, {ResourcePool: "Resources"},
		}, layout{
			[]string{"/Datacenter"}, map[kind][]string{
				pools:      {"/Datacenter/host/big/Resources", "/Datacenter/host/big/Resources/pool-a"},
				datastores: {"/Datacenter/datastore/datastore-1"}, networks: {"/Datacenter/network/VM Network"},
			}}},
		{"a star is the default datacenter", []Place{
			{Datacenter: "*", Datastore: "x"}, {Datacenter: "DC2", Datastore: "y"}, {Folder: "vm/f"},
		}, layout{
			[]string{"/DC2"}, map[kind][]string{
				folders: {"/DC2/vm/f"}, pools: {"/DC2/host/cluster-1/Resources"},
				datastores: {"/DC2/datastore/x", "/DC2/datastore/y"}, networks: {"/DC2/network/VM Network"},
			}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := plan(tt.places)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, *got, cmp.AllowUnexported(layout{})); d != "" {
				t.Errorf("layout (-want +got):\n%s", d)
			}
		})
	}
}

func TestPlanRefusesWhatItCannotLayOut(t *testing.T) {
	for _, tt := range []struct {
		name  string
		place Place
		want  string
	}{
		{"a path without a datacenter", Place{Folder: "/vm/x"}, "want /DATACENTER/vm/…"},
		{"a pool without a cluster", Place{ResourcePool: "/DC1/host/Resources"}, "want …/CLUSTER/Resources"},
		{"a relative folder that CAPV would not find", Place{Folder: "a/b"}, "want /DATACENTER/vm/…"},
		{"a datastore in a folder", Place{Datastore: "/DC1/datastore/f/ds"}, "want 1"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := plan([]Place{tt.place})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got error %v, want one with %q", err, tt.want)
			}
		})
	}
}
