package check

import (
	"context"
	"maps"
	"slices"

	"github.com/rehearse-dev/rehearse/runner/journal"
)

// lookAtDisks hands on where the persistent disks of the pools are, before an event that could be judged by it. A site
// that does not tell is not guessed: then nobody knows, until it tells again.
func (o *Observer) lookAtDisks(ctx context.Context, b journal.Body) error {
	if o.scope.Disks == nil {
		return nil
	}
	switch b := b.(type) {
	case journal.Pool:
		for _, s := range b.Slots {
			for _, d := range s.Disks {
				if _, known := o.disks[d.Path]; d.Path != "" && !known {
					o.disks[d.Path] = journal.Disk{}
				}
			}
		}
	case journal.Machine:
	default:
		return nil
	}
	if len(o.disks) == 0 {
		return nil
	}
	told, err := o.scope.Disks(ctx, slices.Sorted(maps.Keys(o.disks)))
	if err != nil {
		if ctx.Err() != nil {
			return nil // the observer ends
		}
		for path := range o.disks {
			o.disks[path] = journal.Disk{}
		}
		return o.emit(journal.Disk{})
	}
	for _, d := range told {
		if !sameBody(o.disks[d.Path], d) {
			o.disks[d.Path] = d
			if err := o.emit(d); err != nil {
				return err
			}
		}
	}
	return nil
}
