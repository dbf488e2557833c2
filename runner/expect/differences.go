package expect

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// Differences says in what two runs of one scenario and one seed differ: verdict, outcomes of steps, occurrences and
// targets of faults, invariants, rollback. Durations and the words of messages are not compared. Machines are compared by
// label, since their names are drawn anew for each run.
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
			text = strings.TrimSpace(fmt.Sprintf("%s %s %s %s", s.Kind, s.ID, s.End.Outcome, s.End.Code))
		}
		l = append(l, text)
	}
	return l
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

// labels replaces the names of a run's machines by "CLUSTER/ROLE#N", where N counts the moments at which machines of the
// role were first seen: those of one moment are made by one decision, and which of them is which is chance. A name that
// the other run has too is no chance and stays.
func labels(r, other *journal.Run) *strings.Replacer {
	all := slices.Clone(r.Machines()) // by cluster, role and age
	type role struct{ cluster, role string }
	count, last := map[role]int{}, map[role]float64{}
	label := map[string]string{}
	for _, m := range all {
		k := role{m.Cluster, m.Role}
		if count[k] == 0 || m.First > last[k] {
			count[k]++
			last[k] = m.First
		}
		if other.Machine(m.Cluster, m.Name) == nil {
			label[m.Name] = fmt.Sprintf("%s/%s#%d", m.Cluster, m.Role, count[k])
		}
	}
	slices.SortFunc(all, func(a, b *journal.MachineLife) int { // a name may begin with another one
		return cmp.Or(cmp.Compare(len(b.Name), len(a.Name)), cmp.Compare(a.Name, b.Name))
	})
	var pairs []string
	for _, m := range all {
		if l, ok := label[m.Name]; ok {
			pairs = append(pairs, m.Name, l)
		}
	}
	return strings.NewReplacer(pairs...)
}
