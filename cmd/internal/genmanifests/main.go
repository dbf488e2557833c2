// Genmanifests copies the custom resource definitions and webhook configurations of the pinned provider modules into
// the folder that package sim/manifests embeds, as one JSON file per object, without the descriptions in the schemas. It
// asks the go command where the modules are and needs no network when they are in the module cache.
//
// Use, from anywhere in the checkout: genmanifests -out sim/manifests/generated.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"
)

const (
	capi = "sigs.k8s.io/cluster-api"
	capv = "sigs.k8s.io/cluster-api-provider-vsphere"
)

// providers say where each one keeps its files, within its module.
var providers = []struct{ name, module, crds, webhooks string }{
	{"bootstrap-kubeadm", capi, "bootstrap/kubeadm/config/crd/bases", "bootstrap/kubeadm/config/webhook/manifests.yaml"},
	{"cluster-api", capi, "config/crd/bases", "config/webhook/manifests.yaml"},
	{"control-plane-kubeadm", capi, "controlplane/kubeadm/config/crd/bases", "controlplane/kubeadm/config/webhook/manifests.yaml"},
	{"infrastructure-vsphere", capv, "config/default/crd/bases", "config/govmomi/webhook/manifests.yaml"},
}

func main() {
	out := flag.String("out", "", "the folder to write to")
	flag.Parse()
	if err := run(*out); err != nil {
		fmt.Fprintln(os.Stderr, "genmanifests:", err)
		os.Exit(1)
	}
}

func run(out string) error {
	if out == "" {
		return fmt.Errorf("-out is required")
	}
	for _, p := range providers {
		dir, err := moduleDir(p.module)
		if err != nil {
			return err
		}
		files, err := filepath.Glob(filepath.Join(dir, p.crds, "*.yaml"))
		if err != nil || len(files) == 0 {
			return fmt.Errorf("%s: got no definitions in %s (%v)", p.name, p.crds, err)
		}
		for _, f := range files {
			if err := convert(f, filepath.Join(out, "crds"), p.name); err != nil {
				return err
			}
		}
		if err := convert(filepath.Join(dir, p.webhooks), filepath.Join(out, "webhooks"), p.name); err != nil {
			return err
		}
	}
	return nil
}

// moduleDir is where the go command has unpacked a module; it downloads it if need be.
func moduleDir(module string) (string, error) {
	c := exec.Command("go", "mod", "download", "-json", module)
	c.Stderr = os.Stderr
	b, err := c.Output()
	if err != nil {
		return "", fmt.Errorf("go mod download %s: %w", module, err)
	}
	var m struct{ Dir string }
	return m.Dir, json.Unmarshal(b, &m)
}

// convert writes each document of a YAML file as JSON, and definitions undescribed.
func convert(file, dir, provider string) error {
	b, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, doc := range bytes.Split(b, []byte("\n---")) {
		doc = bytes.TrimPrefix(doc, []byte("---"))
		var o unstructured.Unstructured
		if err := yaml.Unmarshal(doc, &o.Object); err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		if o.GetKind() == "" {
			continue
		}
		undescribed(o.Object)
		j, err := json.Marshal(o.Object)
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
		name := fmt.Sprintf("%s.%s.%s.json", provider, strings.ToLower(o.GetKind()), o.GetName())
		if err := update(filepath.Join(dir, name), j); err != nil {
			return err
		}
	}
	return nil
}

// update leaves a file alone that is what it should be, so that nothing is built again for no reason.
func update(file string, b []byte) error {
	if old, err := os.ReadFile(file); err == nil && bytes.Equal(old, b) {
		return nil
	}
	if err := os.WriteFile(file+".tmp", b, 0o644); err != nil {
		return err
	}
	return os.Rename(file+".tmp", file)
}
