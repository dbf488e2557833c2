package rehearsal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"sigs.k8s.io/yaml"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/dsl/diag"
	"github.com/rehearse-dev/rehearse/dsl/value"
	"github.com/rehearse-dev/rehearse/sim"
)

// inventory is the file vcenter.yaml of a world that is a directory.
type inventory struct {
	ACP       string            `json:"acp"`       // distribution version of the platform and its clusters
	Templates map[string]string `json:"templates"` // VM templates and the Kubernetes version of their images
	Artifacts []string          `json:"artifacts"` // repository:tag of what the registry holds
	Timing    map[string]string `json:"timing"`    // overrides, by key
}

// directoryWorld is the world of a directory of plain manifests.
func directoryWorld(dir string) (*dsl.World, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	return &dsl.World{Name: filepath.Base(abs), File: dir, Pos: diag.Position{File: dir}, Dir: abs}, nil
}

// completed is a world with what its directory says, where it has one: the file of the inventory and the clusters that
// are found. What the world itself says goes first. The errors are diag.Diagnostics.
func completed(w *dsl.World) (*dsl.World, error) {
	if w.Dir == "" {
		return w, nil
	}
	full := *w
	inv, file, err := readInventory(w.Dir)
	if err != nil {
		return nil, err
	}
	if err := inv.into(&full, file); err != nil {
		return nil, err
	}
	found, err := sim.ClustersIn(shown(w.Dir))
	if err != nil {
		return nil, refusedWorld(w, err)
	}
	full.Clusters = slices.Clone(w.Clusters)
	for _, c := range found {
		if !slices.ContainsFunc(w.Clusters, func(x dsl.WorldCluster) bool { return x.Name == c.Name }) {
			full.Clusters = append(full.Clusters, dsl.WorldCluster{Name: c.Name, Manifests: c.Manifests, Except: c.Except, Pos: diag.Position{File: c.Manifests}})
		}
	}
	return &full, nil
}

// readInventory reads the file, strictly; text is for looking up lines.
func readInventory(dir string) (*inventory, *inventoryText, error) {
	file := &inventoryText{name: shown(filepath.Join(dir, sim.InventoryFile))}
	b, err := os.ReadFile(file.name)
	if err != nil {
		d := &diag.Diagnostic{Code: "inventory-unreadable", Stage: diag.Load, Pos: diag.Position{File: file.name}, Err: err}
		d.Message = "cannot read the inventory of the world: " + reason(err)
		return nil, nil, d.Hint("a world that is a directory has " + sim.InventoryFile + ": templates, artifacts, acp, timing")
	}
	file.lines = strings.Split(string(b), "\n")
	inv := &inventory{}
	if err := yaml.UnmarshalStrict(b, inv); err != nil {
		return nil, nil, file.malformed(err)
	}
	return inv, file, nil
}

// reason is an error of the file system without the path, which stands before it.
func reason(err error) string {
	if p := (*os.PathError)(nil); errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}

// into fills in what the world leaves out.
func (inv *inventory) into(w *dsl.World, file *inventoryText) error {
	if inv.ACP != "" {
		v, err := value.ParseVersion(inv.ACP)
		if err != nil {
			return file.refusedAt("acp", fmt.Errorf("acp: %w", err))
		}
		if w.ACP == "" {
			w.ACP = v.String()
		}
	}
	templates := []dsl.WorldTemplate{}
	for _, name := range file.ordered(inv.Templates) {
		v, err := value.ParseVersion(inv.Templates[name])
		if err != nil {
			return file.refusedAt(name, fmt.Errorf("templates: %s: %w", name, err))
		}
		templates = append(templates, dsl.WorldTemplate{Name: name, Kubernetes: v.String(), Pos: file.position(name)})
	}
	if w.VCenter.Templates == nil {
		w.VCenter.Templates = templates
	}
	for _, a := range inv.Artifacts {
		if !dsl.IsArtifact(a) {
			return file.refusedAt(a, fmt.Errorf(`artifacts: got %q, want "repository:tag"`, a))
		}
	}
	if w.Registry.Artifacts == nil {
		w.Registry.Artifacts = inv.Artifacts
	}
	timing := map[string]time.Duration{}
	for key, text := range inv.Timing {
		d, err := value.ParseDuration(text)
		if err != nil {
			return file.refusedAt(key, fmt.Errorf("timing: %s: %w", key, err))
		}
		timing[key] = time.Duration(d)
	}
	for key, d := range w.Timing {
		timing[key] = d
	}
	w.Timing = timing
	return nil
}

// inventoryText is the text of the file, for positions.
type inventoryText struct {
	name  string
	lines []string
}

var (
	decoderLine = regexp.MustCompile(`line (\d+): (.*)`)
	quoted      = regexp.MustCompile(`"([^"]+)"`)
	inField     = regexp.MustCompile(`Go struct field inventory\.(\w+)`)
)

// malformed is an error of the decoder, at the line that it speaks of.
func (t *inventoryText) malformed(err error) error {
	text := err.Error()
	if m := decoderLine.FindStringSubmatch(text); m != nil {
		n, _ := strconv.Atoi(m[1]) // a number that is none does not match
		return refused("inventory-malformed", diag.Position{File: t.name, Line: n}, errors.New(m[2]))
	}
	if m := inField.FindStringSubmatch(text); m != nil {
		return t.refusedAt(m[1], fmt.Errorf("%s: got something else than its form: want acp: VERSION, templates: {NAME: VERSION}, artifacts: [REPOSITORY:TAG], timing: {KEY: DURATION}", m[1]))
	}
	if m := quoted.FindStringSubmatch(text); m != nil {
		return t.refusedAt(m[1], fmt.Errorf("got %q, want acp, templates, artifacts or timing", m[1]))
	}
	return t.refusedAt("", err)
}

// refusedAt is an error at the line of a word.
func (t *inventoryText) refusedAt(word string, err error) error {
	return refused("inventory-malformed", t.position(word), err)
}

// position is the first line that has the word as a key or as a value of its own.
func (t *inventoryText) position(word string) diag.Position {
	for i, l := range t.lines {
		l = strings.Trim(strings.TrimLeft(l, " -\t{"), `"'`)
		if word != "" && strings.HasPrefix(l, word) {
			return diag.Position{File: t.name, Line: i + 1}
		}
	}
	for i, l := range t.lines {
		if word != "" && strings.Contains(l, word) {
			return diag.Position{File: t.name, Line: i + 1}
		}
	}
	return diag.Position{File: t.name, Line: 1}
}

// ordered are the keys as the file has them.
func (t *inventoryText) ordered(m map[string]string) []string {
	var l []string
	for k := range m {
		l = append(l, k)
	}
	slices.SortFunc(l, func(a, b string) int {
		if d := t.position(a).Line - t.position(b).Line; d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	return l
}
