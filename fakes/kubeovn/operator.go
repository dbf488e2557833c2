package kubeovn

import (
	"context"
	"fmt"
	"sync"
	"time"

	apiequality "k8s.io/apimachinery/pkg/api/equality"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/rehearse-dev/rehearse/fakes/fakekit"
)

// Operator rolls out the AppReleases of one workload cluster.
type Operator struct {
	clock   fakekit.Clock
	latency Latency
	fetch   Fetch
	faults  faults

	mu   sync.Mutex
	seen map[types.UID]sight
}

// Fetch asks the registry for a chart: nil when it has it, else the reason why it cannot be had. repoURL is as in
// the spec: host and port.
type Fetch func(ctx context.Context, repoURL, chart, revision string) error

// sight is what the operator remembers of an AppRelease besides its status; losing it does no harm.
type sight struct {
	at          time.Time
	annotations map[string]string
}

// NewOperator returns an Operator that has not looked at anything yet. fetch is usually Head.
func NewOperator(clock fakekit.Clock, latency Latency, fetch Fetch) *Operator {
	return &Operator{clock: clock, latency: latency, fetch: fetch, seen: map[types.UID]sight{}}
}

// Reconcile moves every AppRelease of the cluster on by at most one phase. It must be called again after the returned
// site time (0: never) and whenever an AppRelease changes. One call at a time.
func (o *Operator) Reconcile(ctx context.Context, c client.Client) (after time.Duration, err error) {
	list := &unstructured.UnstructuredList{}
	list.SetGroupVersionKind(GroupVersionKind())
	if err := c.List(ctx, list); err != nil {
		return 0, fmt.Errorf("list AppReleases: %w", err)
	}
	for i := range list.Items {
		obj := &list.Items[i]
		d, err := o.reconcile(ctx, c, obj)
		if err != nil {
			return 0, fmt.Errorf("AppRelease %s/%s: %w", obj.GetNamespace(), obj.GetName(), err)
		}
		if d > 0 && (after == 0 || d < after) {
			after = d
		}
	}
	return after, nil
}

func (o *Operator) reconcile(ctx context.Context, c client.Client, obj *unstructured.Unstructured,
) (time.Duration, error) {
	r, err := read(obj)
	if err != nil {
		return 0, err
	}
	now := o.clock.Now()
	if problem := invalid(r.Spec); problem != "" {
		r.Status.ObservedGeneration = obj.GetGeneration()
		set(&r.Status, now, obj.GetGeneration(), metav1.Condition{
			Type: validateCondition, Status: metav1.ConditionFalse, Reason: "InvalidSpec", Message: problem,
		})
		return 0, o.write(ctx, c, obj, r.Status)
	}
	ch := r.Spec.Source.Charts[0]
	name, cs := current(r.Status, ch.Name)
	touched, checked := o.look(obj)
	s := State{
		Phase: cs.Phase, Entered: cs.LastTransitionTime.Time, Checked: checked,
		Installed: cs.InstalledRevision, Target: ch.TargetRevision,
		Changed: r.Status.ObservedGeneration != obj.GetGeneration(), Touched: touched,
		Faults: o.faults.effects(),
	}
	if s.Checked.Before(s.Entered) {
		s.Checked = s.Entered
	}
	var missing error
	if s.asksRegistry() {
		missing = o.fetch(ctx, r.Spec.Source.RepoURL, ch.Name, ch.TargetRevision)
	}
	s.Available = missing == nil

	st := next(s, o.latency, now)
	fault := o.faults.at(st.hit)
	if !st.entered {
		fault.felt(obj.GetName())
		o.remember(obj, now)
		return st.after, nil
	}
	message := fault.message()
	if message == "" && missing != nil {
		message = missing.Error()
	}
	delete(r.Status.Charts, name) // a chart that goes on under another name takes its place
	r.enter(obj.GetGeneration(), ch, cs, st.to, message, now)
	if err := o.write(ctx, c, obj, r.Status); err != nil {
		return 0, err
	}
	fault.felt(obj.GetName()) // now everybody can see it
	o.remember(obj, now)
	return st.after, nil
}

// enter records the beginning of a phase in the status.
func (r *release) enter(generation int64, ch chart, cs chartStatus, to Phase, message string, now time.Time) {
	cs.Phase, cs.LastTransitionTime = to, metav1.NewMicroTime(now)
	if to == HealthChecking {
		cs.InstalledRevision = ch.TargetRevision // before a single pod has been looked at
	}
	if r.Status.Charts == nil {
		r.Status.Charts = map[string]chartStatus{}
	}
	r.Status.Charts[ch.Name] = cs
	r.Status.ObservedGeneration = generation
	for _, cond := range conditionsOf(to, ch, r.Spec.Source.RepoURL, message) {
		set(&r.Status, now, generation, cond)
	}
}

// asksRegistry tells whether the decision may need the chart.
func (s State) asksRegistry() bool {
	return s.Changed || s.Phase == "" || s.Phase == Downloading || s.Phase == DownloadFailed
}

// current is the status of a chart. A release has one; when its chart's name changes it stays the same release.
func current(s status, name string) (string, chartStatus) {
	if cs, ok := s.Charts[name]; ok {
		return name, cs
	}
	for other, cs := range s.Charts {
		return other, cs
	}
	return name, chartStatus{}
}

func invalid(s spec) string {
	switch {
	case len(s.Source.Charts) != 1:
		return fmt.Sprintf("spec.source.charts: got %d, want 1", len(s.Source.Charts))
	case s.Source.RepoURL == "":
		return "spec.source.repoURL: got none, want the address of a registry"
	case s.Source.Charts[0].Name == "" || s.Source.Charts[0].TargetRevision == "":
		return "spec.source.charts[0]: want a name and a targetRevision"
	}
	return ""
}

// look returns when the object was seen before, and whether its annotations have changed since.
func (o *Operator) look(obj *unstructured.Unstructured) (touched bool, checked time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	last, ok := o.seen[obj.GetUID()]
	return ok && !apiequality.Semantic.DeepEqual(last.annotations, obj.GetAnnotations()), last.at
}

func (o *Operator) remember(obj *unstructured.Unstructured, now time.Time) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen[obj.GetUID()] = sight{now, obj.GetAnnotations()}
}

func set(s *status, now time.Time, generation int64, c metav1.Condition) {
	c.LastTransitionTime, c.ObservedGeneration = metav1.NewTime(now), generation
	meta.SetStatusCondition(&s.Conditions, c)
}

// write updates the status where it differs.
func (o *Operator) write(ctx context.Context, c client.Client, obj *unstructured.Unstructured, s status) error {
	fields, err := plain(&s)
	if err != nil {
		return err
	}
	if apiequality.Semantic.DeepEqual(obj.Object["status"], fields) {
		return nil
	}
	obj.Object["status"] = fields
	return c.Status().Update(ctx, obj)
}
