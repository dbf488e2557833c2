package rehearsal

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/dsl/diag"
	"github.com/rehearse-dev/rehearse/runner/check"
	"github.com/rehearse-dev/rehearse/sim/fault"
)

// stuckFor is how long a scenario that expects a stuck wait lets it stay so, in site time, beyond the runbook's own
// patience: the controllers look at everything anew every ten minutes, and what moves then was slow, and not stuck.
const stuckFor = 15 * time.Minute

// LoadScenario checks a scenario against its world, its runbook and the tables of faults and invariants. Of the config
// only seed, directory, snapshot, version and command are read. Its errors are diag.Diagnostics with positions; nothing was started.
func LoadScenario(s *dsl.Scenario, c Config) (*Rehearsal, error) {
	c.Runbook, c.World, c.Params = s.Runbook.File, s.World.File, s.Params
	c.RollbackOnFailure = s.Expect.Rollback != ""
	if s.Seed != nil {
		c.Seed = *s.Seed
	}
	r := &Rehearsal{c: c, runbook: s.Runbook, operator: s.Operator}
	if s.Expect.Kind == dsl.Stuck {
		r.stuckFor = stuckFor
	}
	if err := errors.Join(r.bind(s.Pos), r.build(s.World)); err != nil {
		return nil, err
	}
	for _, f := range s.Faults {
		text, err := callText(f)
		if err == nil {
			err = r.addFault(text)
		}
		if err != nil {
			return nil, refusedFault(err, f.Pos)
		}
		r.c.Faults = append(r.c.Faults, text)
	}
	return r, errors.Join(r.checkCluster(s), r.checkOperator(s), r.checkExpectation(s))
}

// callText is a fault of a scenario in the grammar of the command line.
func callText(f dsl.FaultCall) (string, error) {
	row, ok := fault.Find(f.ID)
	if !ok {
		return "", &fault.UnknownError{ID: f.ID}
	}
	var names []string
	for _, a := range row.Args {
		names = append(names, a.Name)
	}
	text, err := f.Text(names)
	if err != nil {
		return "", &fault.SpecError{ID: f.ID, Err: err}
	}
	return text, nil
}

// checkCluster refuses a parameter "cluster" that names no cluster of the world. A runbook that is expected to refuse it
// may be given anything.
func (r *Rehearsal) checkCluster(s *dsl.Scenario) error {
	name, ok := r.params.Strings()["cluster"]
	known := r.plan.Names(r.c.Provision)[fault.ClusterName]
	if !ok || slices.Contains(known, name) || s.Expect.Kind == dsl.IsBlocked {
		return nil
	}
	err := fmt.Errorf("parameter cluster: the world %s has no cluster %q; there is %s", s.World.Name, name, strings.Join(known, ", "))
	return refused("cluster-unknown", s.Pos, err).Hint(diag.DidYouMean(name, known))
}

// checkOperator wants each action at something that asks for one, and each fault that waits for the operator mended.
func (r *Rehearsal) checkOperator(s *dsl.Scenario) error {
	mended := map[string]bool{}
	for _, id := range slices.Sorted(maps.Keys(s.Operator)) {
		for _, a := range s.Operator[id] {
			if err := r.checkAction(id, a); err != nil {
				return err
			}
			mended[a.Heal] = true
		}
	}
	for i, f := range r.faults {
		if f.Heal.Operator && !mended[f.ID] {
			return refused("fault-never-mended", s.Faults[i].Pos, fmt.Errorf("fault %s is healed by the operator, and no action of the operator is heals(%q)", f.ID, f.ID))
		}
	}
	return nil
}

func (r *Rehearsal) checkAction(id string, a dsl.Action) error {
	kinds, err := r.checkStep(id, a.Pos)
	if err != nil {
		return err
	}
	asks := func(kind ...string) bool { return mayBe(kinds, kind) }
	switch {
	case !asks("gate", "manual", "wait"):
		return refused("operator-not-asked", a.Pos, fmt.Errorf("%s is a step: the operator acts at gates, at manuals and at waits that are stuck", id))
	case (a.Approve || a.Reject != "") && !asks("gate", "manual"):
		return refused("operator-not-asked", a.Pos, fmt.Errorf("%s is a wait: nobody asks the operator to agree", id))
	case a.Heal == "":
		return nil
	}
	var ids []string
	for _, f := range r.faults {
		ids = append(ids, f.ID)
		if f.ID == a.Heal && f.Heal.Operator {
			return nil
		}
	}
	if slices.Contains(ids, a.Heal) {
		return refused("fault-not-for-the-operator", a.Pos, fmt.Errorf("fault %s has another heal, want heal = operator_heals()", a.Heal))
	}
	return refused("fault-unknown", a.Pos, fmt.Errorf("the scenario has no fault %q", a.Heal)).Hint(diag.DidYouMean(a.Heal, ids))
}

// mayBe tells whether one of the kinds that a step may have is wanted. The source does not say all of them.
func mayBe(kinds, wanted []string) bool {
	return slices.ContainsFunc(kinds, func(k string) bool { return k == "" || slices.Contains(wanted, k) })
}

// endsAt are the kinds of steps at which a run can end so: only what waits has a time that can be up, and only a step
// writes. It can end in the other ways at all kinds.
var endsAt = map[dsl.ExpectKind][]string{
	dsl.Stuck:   {"wait", "manual"},
	dsl.Refused: {"step"},
}

// checkExpectation refuses names that no run of this runbook, with these faults, can have, and claims that no such run
// could break or keep.
func (r *Rehearsal) checkExpectation(s *dsl.Scenario) error {
	e := s.Expect
	if e.Step != "" {
		kinds, err := r.checkStep(e.Step, e.Pos)
		if err != nil {
			return err
		}
		if want, ok := endsAt[e.Kind]; ok && !mayBe(kinds, want) {
			err := fmt.Errorf("no run is %s at %s: got a %s, want a %s", e.Kind, e.Step, kinds[0], strings.Join(want, " or a "))
			return refused("contradiction", e.Pos, err)
		}
	}
	for _, id := range slices.Sorted(maps.Keys(e.Invariants)) {
		if err := r.checkInvariant(id, e.Pos); err != nil {
			return err
		}
	}
	for _, id := range e.Order {
		if err := r.checkHappening(strings.TrimPrefix(id, "fault:"), strings.HasPrefix(id, "fault:"), e.Pos); err != nil {
			return err
		}
	}
	for _, id := range e.Never {
		if err := r.checkNever(id, e.Pos); err != nil {
			return err
		}
	}
	return nil
}

// checkInvariant wants the runbook to watch it: of another one nothing is seen.
func (r *Rehearsal) checkInvariant(id string, pos diag.Position) error {
	if slices.Contains(r.runbook.Invariants, id) {
		return nil
	}
	err := fmt.Errorf("runbook %s does not watch invariant %q", r.runbook.Name, id)
	return refused("invariant-unknown", pos, err).Hint(diag.DidYouMean(id, r.runbook.Invariants))
}

// checkNever refuses what says nothing: a fault of the scenario has to come, or the run proves nothing, and no other can.
func (r *Rehearsal) checkNever(id string, pos diag.Position) error {
	if strings.Contains(id, " ") {
		return nil
	}
	plain, _, _ := strings.Cut(id, "#")
	_, unknown := check.Find(id)
	_, isFault := fault.Find(plain)
	switch {
	case slices.ContainsFunc(r.faults, func(f fault.Spec) bool { return f.ID == id }):
		return refused("contradiction", pos, fmt.Errorf("fault %s is in faults and never comes: a fault that does not come makes the run an error", id))
	case unknown == nil:
		return r.checkInvariant(id, pos)
	}
	_, err := r.checkStep(id, pos)
	if err != nil && isFault {
		return refused("contradiction", pos, fmt.Errorf("fault %s never comes in any run: it is not in faults", id))
	}
	return err
}

// checkHappening wants a fault of the scenario or, unless it must be one, a step of the runbook.
func (r *Rehearsal) checkHappening(id string, isFault bool, pos diag.Position) error {
	var ids []string
	for _, f := range r.faults {
		if ids = append(ids, f.ID); f.ID == id {
			return nil
		}
	}
	if isFault {
		return refused("fault-unknown", pos, fmt.Errorf("the scenario has no fault %q", id)).Hint(diag.DidYouMean(id, ids))
	}
	_, err := r.checkStep(dsl.UndoneID(id), pos)
	return err
}

// checkStep wants the source of the runbook to have a step, wait, gate or manual that may have the id, and returns what
// it may be. A position of the zero value is the command line.
func (r *Rehearsal) checkStep(id string, pos diag.Position) (kinds []string, err error) {
	var words []string
	of, back := id, "" // a rollback's own steps bear the ids of those that it undoes
	for prefix, kind := range map[string]string{dsl.UndoPrefix: "step", dsl.UndonePrefix: "wait"} {
		if s, ok := strings.CutPrefix(id, prefix); ok {
			of, back = s, kind
		}
	}
	for _, s := range r.runbook.StepIDs() {
		if s.Matches(of) && (back == "" || s.Kind == "step") {
			kinds = append(kinds, cmp.Or(back, s.Kind))
		}
		for _, role := range r.plan.Names(r.c.Provision)[fault.RoleName] {
			words = append(words, strings.ReplaceAll(s.Pattern, "*", role))
		}
	}
	if len(kinds) > 0 {
		return kinds, nil
	}
	return nil, refused("step-unknown", pos, fmt.Errorf("runbook %s has no step, wait, gate or manual that could be %q", r.runbook.Name, id)).
		Hint(diag.DidYouMean(id, words))
}
