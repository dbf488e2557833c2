package check

import (
	"fmt"
	"io"
	"math"
	"slices"
	"sort"
	"strings"
	"sync"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// Judge applies invariants to the events of a journal. Its methods may be called from any goroutine.
type Judge struct {
	mu     sync.Mutex // guards what follows
	estate *Estate
	cases  []*trial // by id
	over   bool     // the run has ended
}

type trial struct {
	Invariant
	observations int
	breach       *Breach
	blind        string // the first time that it could not be judged
}

// NewJudge makes a judge of the invariants with these ids.
func NewJudge(ids []string) (*Judge, error) {
	j := &Judge{estate: newEstate()}
	for _, id := range slices.Compact(slices.Sorted(slices.Values(ids))) {
		i, err := Find(id)
		if err != nil {
			return nil, err
		}
		j.cases = append(j.cases, &trial{Invariant: i})
	}
	return j, nil
}

// Observe adds one event and returns what the journal has to say about it: each invariant that it is the first to
// break, or that silence broke since the last event, and a warning for each that could not be judged for the first time
// until then.
func (j *Judge) Observe(e journal.Event) ([]journal.Body, error) {
	b, err := e.Decode()
	if err != nil || b == nil {
		return nil, err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.over {
		return nil, nil
	}
	if _, j.over = b.(*journal.RunEnded); j.over {
		return nil, nil // the verdicts are given
	}
	l := slices.Concat(j.ripened(e.At), j.blinded(e.At))
	j.estate.apply(e.At, b)
	for _, t := range j.cases {
		if t.Sees(b) {
			t.observations++
		}
		if t.breach != nil {
			continue
		}
		if t.breach = t.Broken(j.estate); t.breach != nil {
			l = append(l, t.violated(0))
		}
	}
	return l, nil
}

func (t *trial) violated(since float64) journal.InvariantViolated {
	return journal.InvariantViolated{ID: t.ID, Message: t.breach.Message, Evidence: t.breach.Evidence, Since: since}
}

// ripened judges the silence between the last event and one at that time, which may end a breach at the very moment. What
// silence breaks stays broken as long as nothing happens, so that the first moment of it, to the millisecond, can be
// searched for.
func (j *Judge) ripened(now float64) []journal.Body {
	var l []journal.Body
	last := j.estate.Now
	silence := int(math.Round((now - last) * 1000))
	for _, t := range j.cases {
		if t.breach != nil {
			continue
		}
		moment := sort.Search(silence, func(ms int) bool { return t.at(j.estate, last+float64(ms)/1000) != nil })
		if moment < silence {
			since := math.Round(last*1000+float64(moment)) / 1000
			t.breach = t.at(j.estate, since)
			l = append(l, t.violated(since))
		}
	}
	return l
}

// at looks at the estate as it is at another time.
func (t *trial) at(s *Estate, now float64) *Breach {
	s.Now = now
	return t.Broken(s)
}

// blinded looks at the estate as it was until now, before an event changes it: what comes back into sight was out of
// it.
func (j *Judge) blinded(now float64) []journal.Body {
	j.estate.Now = now
	var l []journal.Body
	for _, t := range j.cases {
		if t.Blind == nil || t.blind != "" {
			continue
		}
		if t.blind = t.Blind(j.estate); t.blind != "" {
			l = append(l, journal.Warning{Text: t.ID + ": " + t.blind})
		}
	}
	return l
}

// Verdicts is the judgement over everything that was observed, by id. A claim that nothing could be said about is an
// Error and never a silent pass; one that could not be judged for a while passes with a message that says so.
func (j *Judge) Verdicts() []journal.InvariantJudged {
	j.mu.Lock()
	defer j.mu.Unlock()
	var l []journal.InvariantJudged
	for _, t := range j.cases {
		v := journal.InvariantJudged{ID: t.ID, Verdict: journal.Pass, Message: t.blind, Observations: t.observations}
		switch {
		case t.breach != nil:
			v.Verdict, v.Message = journal.Fail, t.breach.Message
		case t.observations == 0:
			v.Verdict, v.Message = journal.Error, "nothing was observed that could show it"
		}
		l = append(l, v)
	}
	return l
}

// Replay judges a saved journal. Without ids it takes those that the run watched.
func Replay(r io.Reader, ids []string) ([]journal.InvariantJudged, error) {
	var j *Judge
	_, err := journal.Scan(r, func(e journal.Event) error {
		if j == nil {
			var err error
			if j, err = judgeOf(e, ids); err != nil {
				return err
			}
		}
		_, err := j.Observe(e)
		return err
	})
	if err != nil {
		return nil, err
	}
	if j == nil {
		return nil, fmt.Errorf("there is no event to judge by %s", strings.Join(ids, ", "))
	}
	return j.Verdicts(), nil
}

func judgeOf(first journal.Event, ids []string) (*Judge, error) {
	b, err := first.Decode()
	if err != nil {
		return nil, err
	}
	if s, ok := b.(*journal.RunStarted); ok && len(ids) == 0 {
		ids = s.Invariants
	}
	return NewJudge(ids)
}
