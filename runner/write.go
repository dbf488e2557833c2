package runner

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/runner/kube"
)

// strict makes the server refuse a field that it does not know. Without it a patch with the path of another API version
// is accepted and changes nothing, which is the worst of all answers.
const strict = metav1.FieldValidationStrict

// write is one write that a step wants to make.
type write struct {
	verb    string
	target  *target
	content any // patch or object, for the journal
	before  *unstructured.Unstructured
	again   func(error) bool // errors after which it is sent again
	send    func(context.Context) (*unstructured.Unstructured, error)
}

// Create implements dsl.Cluster. An object that exists and has everything that was asked for is no error and no change.
func (c *cluster) Create(ctx context.Context, o dsl.Object) (dsl.Object, error) {
	t, err := c.findObject(ctx, "create", o)
	if err != nil {
		return nil, err
	}
	before, err := c.before(ctx, t)
	if err != nil {
		return nil, err
	}
	w := &write{verb: "create", target: t, content: o, before: before, again: kube.Refused}
	w.send = func(ctx context.Context) (*unstructured.Unstructured, error) {
		return t.ResourceInterface.Create(ctx, &unstructured.Unstructured{Object: o},
			metav1.CreateOptions{FieldManager: kube.FieldManager, FieldValidation: strict})
	}
	if before != nil {
		if diff := missing(o, before.Object); diff != "" {
			if t.mapping.Kind.Kind == "Secret" { // where, and not what: the error goes into the journal
				diff, _, _ = strings.Cut(diff, ": ")
			}
			return nil, fmt.Errorf("%s: it exists and differs: %s", c.op("create", t), diff)
		}
		w.send = func(context.Context) (*unstructured.Unstructured, error) { return before, nil }
	}
	return c.write(ctx, w)
}

// Apply implements dsl.Cluster. Fields that another manager owns are not taken from it: the server names both.
func (c *cluster) Apply(ctx context.Context, o dsl.Object) (dsl.Object, error) {
	t, err := c.findObject(ctx, "apply", o)
	if err != nil {
		return nil, err
	}
	before, err := c.before(ctx, t)
	if err != nil {
		return nil, err
	}
	w := c.patch("apply", t, before, types.ApplyPatchType, o, kube.Refused)
	once := w.send
	w.send = func(ctx context.Context) (*unstructured.Unstructured, error) {
		after, err := once(ctx)
		if !onlyOurs(err) {
			return after, err
		}
		return t.ResourceInterface.Apply(ctx, t.name, &unstructured.Unstructured{Object: o},
			metav1.ApplyOptions{FieldManager: kube.FieldManager, Force: true})
	}
	return c.write(ctx, w)
}

// onlyOurs tells a conflict with fields that we wrote ourselves, by a patch: the server keeps those apart from what was
// applied, although the manager is the same.
func onlyOurs(err error) bool {
	var status apierrors.APIStatus
	if !apierrors.IsConflict(err) || !errors.As(err, &status) || status.Status().Details == nil {
		return false
	}
	causes := status.Status().Details.Causes
	return len(causes) > 0 && !slices.ContainsFunc(causes, func(c metav1.StatusCause) bool {
		return c.Type != metav1.CauseTypeFieldManagerConflict ||
			!strings.HasPrefix(c.Message, fmt.Sprintf("conflict with %q", kube.FieldManager))
	})
}

var patchTypes = map[dsl.PatchType]types.PatchType{
	dsl.JSONPatch:  types.JSONPatchType,
	dsl.MergePatch: types.MergePatchType,
}

// Patch implements dsl.Cluster.
func (c *cluster) Patch(ctx context.Context, r dsl.Ref, pt dsl.PatchType, patch any) (dsl.Object, error) {
	t, err := c.find(ctx, r, true)
	if err != nil {
		return nil, err
	}
	if err := c.allowed("patch", t); err != nil {
		return nil, err
	}
	before, err := c.get(ctx, t)
	if err != nil {
		return nil, fmt.Errorf("patch: %w", err)
	}
	again := func(err error) bool { return kube.Refused(err) || apierrors.IsConflict(err) }
	return c.write(ctx, c.patch("patch", t, before, patchTypes[pt], patch, again))
}

func (c *cluster) patch(verb string, t *target, before *unstructured.Unstructured, pt types.PatchType, content any,
	again func(error) bool) *write {
	return &write{verb: verb, target: t, content: content, before: before, again: again,
		send: func(ctx context.Context) (*unstructured.Unstructured, error) {
			raw, err := json.Marshal(content)
			if err != nil {
				return nil, err
			}
			return t.ResourceInterface.Patch(ctx, t.name, pt, raw,
				metav1.PatchOptions{FieldManager: kube.FieldManager, FieldValidation: strict})
		}}
}

// Delete implements dsl.Cluster. It returns when the server has accepted it; an object that is not there, or is being
// deleted already, is no change.
func (c *cluster) Delete(ctx context.Context, r dsl.Ref) error {
	t, err := c.find(ctx, r, true)
	if err != nil {
		return err
	}
	if err := c.allowed("delete", t); err != nil {
		return err
	}
	before, err := c.before(ctx, t)
	if err != nil {
		return err
	}
	w := &write{verb: "delete", target: t, before: before, again: kube.Refused}
	w.send = func(ctx context.Context) (*unstructured.Unstructured, error) {
		if before == nil || before.GetDeletionTimestamp() != nil {
			return before, nil
		}
		uid := before.GetUID()
		return nil, t.ResourceInterface.Delete(ctx, t.name, metav1.DeleteOptions{
			Preconditions: &metav1.Preconditions{UID: &uid}})
	}
	_, err = c.write(ctx, w)
	return err
}

// findObject finds where a whole object belongs.
func (c *cluster) findObject(ctx context.Context, verb string, o dsl.Object) (*target, error) {
	u := &unstructured.Unstructured{Object: o}
	gvk := u.GroupVersionKind()
	if gvk.Kind == "" || gvk.Version == "" || u.GetName() == "" {
		return nil, fmt.Errorf("%s%s: got an object without apiVersion, kind or metadata.name, want all three", verb,
			on(c.name))
	}
	t, err := c.find(ctx, dsl.Ref{Kind: gvk.Kind + "." + gvk.Version + "." + gvk.Group, Namespace: u.GetNamespace(),
		Name: u.GetName()}, true)
	if err != nil {
		return nil, err
	}
	return t, c.allowed(verb, t)
}

// allowed says why nothing may be written here.
func (c *cluster) allowed(verb string, t *target) error {
	if !c.mayWrite {
		return fmt.Errorf("%s: got a write in %q, want none: only a step of risk write or one-way may write",
			c.op(verb, t), c.step)
	}
	return nil
}

// before is the object as it is, nil when it is not there.
func (c *cluster) before(ctx context.Context, t *target) (*unstructured.Unstructured, error) {
	o, err := c.get(ctx, t)
	if errors.Is(err, dsl.ErrNotFound) {
		return nil, nil
	}
	return o, err
}

// write sends a write between its intent and its outcome, both on disk.
func (c *cluster) write(ctx context.Context, w *write) (dsl.Object, error) {
	h, op := c.host, c.op(w.verb, w.target)
	if ctx.Err() != nil { // stopped: no write more
		return nil, context.Cause(ctx)
	}
	c.writes++
	key := fmt.Sprintf("%s/%d", c.step, c.writes)
	content, err := json.Marshal(w.content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	if w.content == nil {
		content = nil
	}
	m := w.target.mapping.Kind
	intent := journal.WriteIntent{Key: key, Verb: w.verb, Cluster: c.name, Patch: content, Before: versionOf(w.before),
		Object: journal.ObjectRef{APIVersion: m.GroupVersion().String(), Kind: m.Kind, Namespace: w.target.namespace,
			Name: w.target.name}}
	if err := h.journal.Append(intent); err != nil {
		h.broken = err
		return nil, err // what is not on disk is not sent
	}
	h.journal.Drain()
	var after *unstructured.Unstructured
	err = c.ask(ctx, w.again, func(ctx context.Context) (err error) {
		after, err = w.send(ctx)
		return err
	})
	out := journal.WriteOutcome{Key: key, OK: err == nil}
	if err != nil {
		out.Error = err.Error()
		out.Unknown = !kube.Refused(err) && (kube.Unsure(err) || ctx.Err() != nil)
	} else {
		out.After, out.Changed = versionOf(after), !same(w.before, after)
	}
	if out.Changed || out.Unknown {
		c.changed++
	}
	if out.Changed && w.before != nil && after != nil {
		changes, err := diff(m.Kind, w.before, after)
		if err != nil && h.broken == nil {
			h.broken = fmt.Errorf("%s: %w", op, err)
		}
		out.Diff = changes
	}
	h.append(out)
	h.journal.Drain()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	if after == nil {
		return nil, h.broken
	}
	return after.Object, h.broken
}

// diff is what the object became, without what Kubernetes itself keeps in it.
func diff(kind string, before, after *unstructured.Unstructured) ([]journal.Change, error) {
	a, err := json.Marshal(substance(before))
	if err != nil {
		return nil, err
	}
	b, err := json.Marshal(substance(after))
	if err != nil {
		return nil, err
	}
	return journal.Diff(kind, a, b)
}

func versionOf(o *unstructured.Unstructured) string {
	if o == nil {
		return ""
	}
	return o.GetResourceVersion()
}

// same tells whether a write changed nothing: neither the version of the object, nor anything in it but who manages
// its fields. The status is left out, since controllers change it at any moment.
func same(before, after *unstructured.Unstructured) bool {
	switch {
	case before == nil || after == nil:
		return before == after
	case before.GetResourceVersion() == after.GetResourceVersion():
		return true
	}
	return reflect.DeepEqual(substance(before), substance(after))
}

func substance(o *unstructured.Unstructured) map[string]any {
	o = o.DeepCopy()
	delete(o.Object, "status")
	for _, k := range []string{"managedFields", "resourceVersion", "generation"} {
		unstructured.RemoveNestedField(o.Object, "metadata", k)
	}
	return o.Object
}
