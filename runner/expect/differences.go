package expect

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// Differences says in what two runs of one scenario and one seed differ. Compared are the verdict; of each step the
// outcome, the code, whether its time ran out, and how many of its writes changed something; of each fault the targets that
// it met, in their order, and whether it was healed; what became of each invariant, and of the rollback. Not compared are
// durations, the words of messages, and the moments of site time: nor, therefore, in which step a fault fell, nor what going
// back would have meant after a step, nor how often a fault met one target, which the journal has once.
// Machines are compared by label, since the names of new ones are drawn anew for each run.
func Differences(a, b *journal.Run) []string {
	var l []string
	compare := func(what string, x, y []string) {
		for i := range max(len(x), len(y)) {
			if p, q := nth(x, i), nth(y, i); p != q {
				l = append(l, fmt.Sprintf("%s %d: got %s, and %s the first time", what, i+1, q, p))
				return
			}
		}
	}
	compare("end", ending(a), ending(b))
	compare("step", steps(a), steps(b))
	compare("fault", faults(a, b), faults(b, a))
	compare("invariant", invariants(a), invariants(b))
	compare("rollback", rollback(a), rollback(b))
	return l
}

func nth(l []string, i int) string {
	if i < len(l) {
		return l[i]
	}
	return "none"
}

func ending(r *journal.Run) []string {
	if r.Ended == nil {
		return []string{"cut off"}
	}
	return []string{fmt.Sprintf("%s, exit %d", r.Ended.Verdict, r.Ended.ExitCode)}
}

func steps(r *journal.Run) []string {
	var l []string
	for _, s := range r.Steps {
		text := fmt.Sprintf("%s %s cut off", s.Kind, s.ID)
		if s.End != nil {
			text = strings.TrimSpace(fmt.Sprintf("%s %s %s %s", s.Kind, s.ID, s.End.Outcome, s.End.Code)) + more(s)
		}
		l = append(l, text)
	}
	return l
}

// more is what else is compared of a step that has ended.
func more(s *journal.Step) string {
	text := ""
	if s.End.Expired {
		text += ", its time was up"
	}
	if s.End.Writes > 0 {
		text += fmt.Sprintf(", writes %d", s.End.Writes)
	}
	return text
}

// faults are those of a run, in the order in which they were asked for, with the machines of their targets as labels.
func faults(r, other *journal.Run) []string {
	names := labels(r, other)
	var l []string
	for _, f := range r.Faults {
		targets := make([]string, len(f.Felt))
		for i, t := range f.Felt {
			targets[i] = names.Replace(t.Text)
		}
		l = append(l, fmt.Sprintf("%s at %s, healed %v", f.ID, strings.Join(targets, " and "), f.Healed != nil))
	}
	return l
}

func invariants(r *journal.Run) []string {
	var l []string
	for _, i := range r.Invariants {
		verdict := journal.Verdict("not judged")
		if i.Judged != nil {
			verdict = i.Judged.Verdict
		}
		l = append(l, i.ID+" "+string(verdict))
	}
	slices.Sort(l) // a violated one stands before those that are judged at the end
	return l
}

func rollback(r *journal.Run) []string {
	switch {
	case r.Rollback == nil:
		return nil
	case r.Rollback.End == nil:
		return []string{"cut off"}
	}
	return []string{string(r.Rollback.End.Outcome) + " " + r.Rollback.End.Code}
}

// labels replaces the names of a run's machines, which are drawn from one sequence: one that both runs have may be that of
// another machine. A new machine is "CLUSTER/ROLE#N", where N counts the moments at which new machines of the role were
// first seen: those of one moment are made by one decision, and which of them is which is chance. A machine that both runs
// found there keeps its name; an old one that the other run did not find is "CLUSTER/ROLE of before".
func labels(r, other *journal.Run) *strings.Replacer {
	all := slices.Clone(r.Machines()) // by cluster, role and age
	type role struct{ cluster, role string }
	count, last := map[role]int{}, map[role]float64{}
	label := map[string]string{}
	for _, m := range all {
		k := role{m.Cluster, m.Role}
		switch twin := other.Machine(m.Cluster, m.Name); {
		case m.Old && twin != nil && twin.Old:
			label[m.Name] = m.Name
		case m.Old:
			label[m.Name] = fmt.Sprintf("%s/%s of before", m.Cluster, m.Role)
		default:
			if count[k] == 0 || m.First > last[k] {
				count[k]++
				last[k] = m.First
			}
			label[m.Name] = fmt.Sprintf("%s/%s#%d", m.Cluster, m.Role, count[k])
		}
	}
	slices.SortFunc(all, func(a, b *journal.MachineLife) int { // a name may begin with another one
		return cmp.Or(cmp.Compare(len(b.Name), len(a.Name)), cmp.Compare(a.Name, b.Name))
	})
	var pairs []string
	for _, m := range all {
		pairs = append(pairs, m.Name, label[m.Name])
	}
	return strings.NewReplacer(pairs...)
}
