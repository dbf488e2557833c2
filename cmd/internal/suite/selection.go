package suite

import (
	"fmt"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Selection says which scenarios are run. The zero Selection is all of them.
type Selection struct {
	Run   *regexp.Regexp // of the name or of a tag; nil: any
	Only  []string       // IDs of items; nil: any
	Shard Shard
}

// Shard is one of several parts of a suite that are run apart: every Count-th scenario from the Index-th on, of those that
// are selected. The zero Shard is the whole.
type Shard struct{ Index, Count int } // Index from 1 on

func (s Shard) String() string {
	if s.Count == 0 {
		return ""
	}
	return fmt.Sprintf("%d/%d", s.Index, s.Count)
}

// Of chooses from items, in their order.
func (s Selection) Of(items []*Item) []*Item {
	var l []*Item
	for _, i := range items {
		matches := func(text string) bool { return s.Run == nil || s.Run.MatchString(text) }
		switch {
		case !matches(i.Scenario.Name) && !slices.ContainsFunc(i.Scenario.Tags, matches):
		case s.Only != nil && !slices.Contains(s.Only, i.ID()):
		default:
			l = append(l, i)
		}
	}
	if s.Shard.Count == 0 {
		return l
	}
	var part []*Item
	for n, i := range l {
		if n%s.Shard.Count == s.Shard.Index-1 {
			part = append(part, i)
		}
	}
	return part
}

// What a pod of an Indexed Job knows of itself: its own index, from 0 on, which Kubernetes sets, and the number of
// completions, which Kubernetes does not tell and the Job's manifest repeats.
const (
	jobIndex = "JOB_COMPLETION_INDEX"
	jobCount = "JOB_COMPLETIONS"
)

// ParseShard reads "I/N", or "job" for that of a pod of a Kubernetes Indexed Job; "" is the whole.
func ParseShard(text string, getenv func(string) string) (Shard, error) {
	switch text {
	case "":
		return Shard{}, nil
	case "job":
		return jobShard(getenv)
	}
	index, count, ok := strings.Cut(text, "/")
	i, err1 := strconv.Atoi(index)
	n, err2 := strconv.Atoi(count)
	if !ok || err1 != nil || err2 != nil || i < 1 || i > n {
		return Shard{}, fmt.Errorf("got %q, want I/N with I from 1 to N, or job", text)
	}
	return Shard{i, n}, nil
}

func jobShard(getenv func(string) string) (Shard, error) {
	index, err := strconv.Atoi(getenv(jobIndex))
	if err != nil || index < 0 {
		return Shard{}, fmt.Errorf("job: got %s=%q, want the completion index of a pod of an Indexed Job", jobIndex, getenv(jobIndex))
	}
	count, err := strconv.Atoi(getenv(jobCount))
	if err != nil || count <= index {
		return Shard{}, fmt.Errorf("job: got %s=%q, want the Job's completions: set it in the manifest, since Kubernetes does not", jobCount, getenv(jobCount))
	}
	return Shard{index + 1, count}, nil
}

// DefaultJobs is how many scenarios run at once where nobody says: two for every core and one for every 2 GiB of memory,
// and at least one. A scenario alone leaves more than half of two cores idle, since much of it is waiting; with four on two
// cores the CPU is the limit. memory is what there is, in bytes; 0: nobody knows.
func DefaultJobs(cores int, memory uint64) int {
	n := 2 * cores
	if memory > 0 {
		n = min(n, int(memory/(2<<30)))
	}
	return max(1, n)
}

// Memory is how much memory there is for this process, in bytes: what is available, or the limit of its control group
// where that is less. 0: this system does not say.
func Memory() uint64 {
	available := uint64(0)
	if b, err := os.ReadFile("/proc/meminfo"); err == nil {
		if m := availableLine.FindSubmatch(b); m != nil {
			kib, _ := strconv.ParseUint(string(m[1]), 10, 64) // digits
			available = kib << 10
		}
	}
	if b, err := os.ReadFile("/sys/fs/cgroup/memory.max"); err == nil {
		if limit, err := strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64); err == nil && (available == 0 || limit < available) {
			available = limit
		}
	}
	return available
}

var availableLine = regexp.MustCompile(`MemAvailable:\s+(\d+) kB`)
