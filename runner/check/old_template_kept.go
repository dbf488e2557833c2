package check

import (
	"fmt"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// A rollback builds its machines from the old template; without it there is no way back.
var oldTemplateKept = Invariant{
	ID:       "old-template-kept",
	Doc:      "no machine template that was in use when the run began is deleted before the run has ended well",
	Recovery: "create it again under its old name and with its old contents: a rollback refers to it",
	Source:   "000_d64b8bff74bf7917.txt, Rolling Back a Failed Upgrade",
	Sees: func(b journal.Body) bool {
		t, ok := b.(*journal.Template)
		return ok && t.Name != ""
	},
	Broken: func(s *Estate) *Breach {
		for _, name := range s.GoneTemplates() {
			if owner := s.TemplateOwner(name); owner != "" {
				return &Breach{
					Message:  fmt.Sprintf("machine template %s was deleted during the run", name),
					Evidence: fmt.Sprintf("%s referred to it when the run began; a rollback needs it", owner),
				}
			}
		}
		return nil
	},
}
