package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// slotPhases are the looks of a slot of a machine config pool; one that is free has none.
var slotPhases = []phase{{"inuse", "slot in use"}, {"released", "slot released"}}

// outages has a lane for each endpoint that did not answer for a while.
func (t *timeline) outages(r *journal.Run) []lane {
	var l []lane
	for _, e := range r.Endpoints {
		if len(e.Outages) == 0 {
			continue
		}
		x := lane{Name: e.Cluster, Sub: "control-plane endpoint", Note: "answers again", Class: "healed"}
		if !e.Answers {
			x.Note, x.Class = "does not answer", "failed"
		}
		for _, o := range e.Outages {
			to := t.total
			if o.To != nil {
				to = *o.To
			}
			x.Bars = append(x.Bars, t.bar(o.From, to, "failed", "no answer", o.Why))
		}
		l = append(l, x)
	}
	return l
}

// pools has a group for each machine config pool, and a lane for each of its slots: whose it was, with which disks.
func (t *timeline) pools(r *journal.Run) {
	for _, p := range r.Pools {
		var lanes []lane
		for _, host := range slotsOf(p) {
			lanes = append(lanes, t.slot(p, host))
		}
		t.group(fmt.Sprintf("%s, machine config pool %s", p.Cluster, p.Name), p.Consumer, lanes)
	}
	if len(r.Pools) > 0 {
		t.Legend = slices.Concat(t.Legend, slotPhases)
	}
}

// slotsOf is every slot that the pool ever had, by host name.
func slotsOf(p *journal.PoolLife) []string {
	var l []string
	for _, s := range p.History {
		for _, slot := range s.Slots {
			l = append(l, slot.Hostname)
		}
	}
	slices.Sort(l)
	return slices.Compact(l)
}

// slot is a bar for each stretch in which the slot was the same machine's, in the same state and with the same disks.
func (t *timeline) slot(p *journal.PoolLife, host string) lane {
	x := lane{Name: host, Sub: "slot"}
	for i := 0; i < len(p.History); {
		was, at := slotIn(p.History[i].Pool, host), p.History[i].At
		for i++; i < len(p.History) && same(slotIn(p.History[i].Pool, host), was); i++ {
		}
		to := t.total
		if i < len(p.History) {
			to = p.History[i].At
		}
		x.Note, x.Class = cmp.Or(was.State, "gone"), "slot"
		if class := lookOfSlot(was); class != "" {
			x.Bars = append(x.Bars, t.bar(at, to, class, cmp.Or(was.Machine, was.State), disksText(was)))
		}
	}
	return x
}

func slotIn(p journal.Pool, host string) journal.PoolSlot {
	for _, s := range p.Slots {
		if s.Hostname == host {
			return s
		}
	}
	return journal.PoolSlot{}
}

func same(a, b journal.PoolSlot) bool {
	return a.State == b.State && a.Machine == b.Machine && slices.Equal(a.Disks, b.Disks)
}

func lookOfSlot(s journal.PoolSlot) string {
	return map[string]string{journal.SlotInUse: "inuse", journal.SlotReleased: "released"}[s.State]
}

func disksText(s journal.PoolSlot) string {
	l := []string{s.State}
	for _, d := range s.Disks {
		l = append(l, fmt.Sprintf("disk %s %s %s", d.Name, d.Path, d.UUID))
	}
	return strings.Join(l, "; ")
}
