package sim

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// InventoryFile is the file of a world that is a directory: what vCenter and the registry have.
const InventoryFile = "vcenter.yaml"

// ClustersIn finds the clusters of a directory of plain manifests: the one whose manifests are in it, or else one for
// each folder. Errors are InputErrors.
func ClustersIn(dir string) ([]Cluster, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, &InputError{dir, err}
	}
	var folders []string
	for _, e := range entries {
		ext := filepath.Ext(e.Name())
		switch {
		case e.IsDir() && e.Name() != "workload":
			folders = append(folders, filepath.Join(dir, e.Name()))
		case !e.IsDir() && e.Name() != InventoryFile && slices.Contains(manifestTypes, ext):
			c, err := clusterIn(dir, InventoryFile)
			return []Cluster{c}, err
		}
	}
	if len(folders) == 0 {
		return nil, &InputError{dir, errors.New("got no manifest, want *.yaml files, or a folder of them for each cluster")}
	}
	var l []Cluster
	for _, f := range folders {
		c, err := clusterIn(f, "")
		if err != nil {
			return nil, err
		}
		l = append(l, c)
	}
	return l, nil
}

// clusterIn is the one Cluster among the manifests of a directory.
func clusterIn(dir, except string) (Cluster, error) {
	all, err := readManifests(dir, except)
	if err != nil {
		return Cluster{}, err
	}
	var found []Manifest
	for _, m := range all {
		if m.Object.GetKind() == "Cluster" {
			found = append(found, m)
		}
	}
	switch len(found) {
	case 0:
		return Cluster{}, &InputError{dir, errors.New("got no Cluster among the manifests, want one")}
	case 1:
		return Cluster{Name: found[0].Object.GetName(), Manifests: dir, Except: except}, nil
	}
	return Cluster{}, &InputError{found[1].Where(), fmt.Errorf("%s: got a second Cluster, want a folder for each", found[1])}
}
