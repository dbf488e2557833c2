package report

import (
	"bytes"
	"encoding/json"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// write is a write as a page shows it.
type write struct {
	*journal.Write
	Class, Word string // what became of it
	Step        string // id of the step on the page
	Object      string // the whole of an object that was created
	Asked       string // what was asked for, when nobody can say what changed
	Changes     []change
}

// change is a field as it was and as it is.
type change struct {
	Path, Old, New string
	Class          string // added, removed, altered
}

func writesOf(r *journal.Run) []write {
	var l []write
	for _, s := range r.Steps {
		for _, w := range s.Writes {
			x := newWrite(w)
			x.Step = stepLink(r, s)
			l = append(l, x)
		}
	}
	return l
}

func newWrite(w *journal.Write) write {
	x := write{Write: w}
	o := w.Outcome
	switch {
	case o == nil || o.Unknown:
		x.Class, x.Word, x.Asked = "unknown", "whether it arrived is not known", indented(w.Patch)
	case !o.OK:
		x.Class, x.Word, x.Asked = "refused", "refused, nothing changed", indented(w.Patch)
	case !o.Changed:
		x.Class, x.Word = "same", "it was already so"
	case w.Before == "":
		x.Class, x.Word, x.Object = "changed", "created", indented(w.Patch)
	case w.Verb == "delete":
		x.Class, x.Word = "changed", "deleted"
	default:
		x.Class, x.Word = "changed", "changed"
		for _, c := range o.Diff {
			x.Changes = append(x.Changes, newChange(c))
		}
		if len(o.Diff) == 0 { // an older journal has none
			x.Asked = indented(w.Patch)
		}
	}
	return x
}

func newChange(c journal.Change) change {
	x := change{Path: c.Path, Old: indented(c.Old), New: indented(c.New), Class: "altered"}
	switch {
	case c.Old == nil:
		x.Class = "added"
	case c.New == nil:
		x.Class = "removed"
	}
	return x
}

// indented is JSON for people; what is none stays as it is.
func indented(raw json.RawMessage) string {
	var b bytes.Buffer
	if json.Indent(&b, raw, "", "  ") != nil {
		return string(raw)
	}
	return b.String()
}
