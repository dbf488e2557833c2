package rehearsal

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/dsl/diag"
	"github.com/rehearse-dev/rehearse/sim"
	"github.com/rehearse-dev/rehearse/sim/fault"
)

// loadWorld reads a world and its manifests: a file of Starlark, or a directory of plain manifests with an inventory.
// Its errors are diag.Diagnostics.
func loadWorld(file string, seed uint64) (*dsl.World, *sim.Plan, error) {
	load := dsl.Loader{}.World
	if info, err := os.Stat(file); err == nil && info.IsDir() {
		load = directoryWorld
	}
	w, err := load(file)
	if err != nil {
		return nil, nil, err
	}
	return build(w, seed)
}

// build reads what a world refers to.
func build(w *dsl.World, seed uint64) (*dsl.World, *sim.Plan, error) {
	w, err := completed(w)
	if err != nil {
		return nil, nil, err
	}
	p, err := sim.Load(World(w), seed)
	if err != nil {
		return nil, nil, refusedWorld(w, err)
	}
	return w, p, nil
}

// refusedWorld says where the input is that the simulator refuses: in a manifest, in the declaration of the cluster whose
// folder is to blame as a whole, or else in that of the world.
func refusedWorld(w *dsl.World, err error) error {
	var input *sim.InputError
	if !errors.As(err, &input) {
		return err
	}
	file, line, _ := strings.Cut(input.Where, ":")
	if n, bad := strconv.Atoi(line); bad == nil {
		return refused("manifest-refused", diag.Position{File: file, Line: n}, input.Err)
	}
	for _, c := range w.Clusters {
		if shown(c.Manifests) == input.Where {
			return refused("cluster-refused", c.Pos, err)
		}
	}
	return refused("world-refused", w.Pos, err)
}

// refusedFault is for a fault that was asked for at a position; that of the zero value is the command line.
func refusedFault(err error, pos diag.Position) error {
	d := refused("fault-invalid", pos, err)
	if all := diag.All(err); len(all) > 0 {
		d.Code, d.Message, d.Hints = all[0].Code, all[0].Message, all[0].Hints
	}
	if unknown := (*fault.UnknownError)(nil); errors.As(err, &unknown) {
		d.Code = "fault-unknown"
		d.Hint(diag.DidYouMean(unknown.ID, fault.IDs()))
	}
	if name := (*fault.NameError)(nil); errors.As(err, &name) {
		d.Hint(diag.DidYouMean(name.Got, name.Known))
	}
	return d
}

// refused is err at a line of a file that the user wrote.
func refused(code string, pos diag.Position, err error) *diag.Diagnostic {
	d := &diag.Diagnostic{Code: code, Stage: diag.Load, Pos: pos, Message: err.Error(), Err: err}
	if pos.Line == 0 {
		return d
	}
	if text, err := os.ReadFile(pos.File); err == nil {
		lines := strings.Split(string(text), "\n")
		d.Line = strings.TrimSuffix(lines[min(pos.Line, len(lines))-1], "\r")
	}
	return d
}

// shown is a path as a person would write it: relative when it is below the working directory.
func shown(path string) string {
	if wd, err := os.Getwd(); err == nil {
		if rel, err := filepath.Rel(wd, path); err == nil && filepath.IsLocal(rel) {
			return rel
		}
	}
	return path
}
