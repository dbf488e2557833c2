package runner

import (
	"errors"
	"testing"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

func over(o journal.Outcome) *journal.RollbackEnded {
	return &journal.RollbackEnded{Outcome: o, Message: "why\nat length"}
}

func TestVerdict(t *testing.T) {
	tests := []struct {
		name    string
		e       ending
		verdict journal.Verdict
		code    int
		message string
	}{
		{"a runbook that reaches its end passes", ending{}, journal.Pass, 0, ""},
		{"one that fails fails", ending{failed: "a: no"}, journal.Fail, 1, "a: no"},
		{"one that stops itself before any write is blocked", ending{failed: "a: no", blocked: true}, journal.Fail, 5,
			"a: no"},
		{"an invariant that does not hold fails a run that ended well", ending{violated: []string{"etcd-quorum: lost"}},
			journal.Fail, 1, "etcd-quorum: lost"},
		{"both are told", ending{failed: "a: no", violated: []string{"etcd-quorum: lost"}}, journal.Fail, 1,
			"a: no; etcd-quorum: lost"},
		{"nothing written outweighs the state in which the site was",
			ending{failed: "a: no", blocked: true, violated: []string{"etcd-quorum: lost"}}, journal.Fail, 5, "a: no"},
		{"an invariant that saw nothing is no pass", ending{unseen: []string{"etcd-quorum"}}, journal.Error, 3,
			"nothing was observed of: etcd-quorum"},
		{"but it does not hide why the run failed", ending{failed: "a: no", unseen: []string{"etcd-quorum"}},
			journal.Fail, 1, "a: no"},
		{"a fault that never fired is an error, whatever the runbook did",
			ending{failed: "a: no", blocked: true, unfired: []string{"drain-blocked"}}, journal.Error, 3,
			"armed, not triggered: drain-blocked"},
		{"but not when the user has stopped the run", ending{stopped: true, failed: "a: stopped", unfired: []string{"f"}},
			journal.Fail, 4, "stopped by the user"},
		{"a rollback that was asked for and is over passes", ending{asked: true, rollback: over(journal.Done)},
			journal.Pass, 0, ""},
		{"one that found nothing to do passes too", ending{asked: true, rollback: over(journal.Noop)}, journal.Pass, 0, ""},
		{"one that does not come to its end fails", ending{asked: true, rollback: over(journal.Failed)}, journal.Fail, 1,
			"rollback failed: why"},
		{"one that is refused fails, and is not blocked: the run had written",
			ending{asked: true, rollback: over(journal.Blocked)}, journal.Fail, 1, "rollback blocked: why"},
		{"a run that failed stays so when it is rolled back", ending{failed: "a: no", rollback: over(journal.Done)},
			journal.Fail, 1, "a: no; rolled back"},
		{"and says when it could not be", ending{failed: "a: no", rollback: over(journal.Blocked)}, journal.Fail, 1,
			"a: no; rollback blocked: why"},
		{"one that was blocked stays so", ending{failed: "a: no", blocked: true, rollback: over(journal.Noop)},
			journal.Fail, 5, "a: no"},
		{"an invariant that a rollback breaks fails it",
			ending{asked: true, rollback: over(journal.Done), violated: []string{"workers-not-newer: w"}}, journal.Fail, 1,
			"workers-not-newer: w"},
		{"a step to turn back at that never came is an error", ending{missed: "z"}, journal.Error, 3,
			"asked to roll back after z: the runbook came to no such step"},
		{"a user who stops a rollback", ending{stopped: true, asked: true, rollback: over(journal.Failed)}, journal.Fail, 4,
			"stopped by the user in the rollback"},
		{"our own failure comes first", ending{broken: errors.New("disk full"), stopped: true, failed: "a: no"},
			journal.Error, 3, "disk full"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, code, message := tt.e.verdict()
			if v != tt.verdict || code != tt.code || message != tt.message {
				t.Errorf("got %s, %d, %q; want %s, %d, %q", v, code, message, tt.verdict, tt.code, tt.message)
			}
		})
	}
}
