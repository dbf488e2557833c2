package dsl

import (
	"maps"
	"slices"
	"strings"

	"github.com/rehearse-dev/rehearse/dsl/value"
	"go.starlark.net/lib/json"
	"go.starlark.net/lib/math"
	"go.starlark.net/starlark"
	"go.starlark.net/starlarkstruct"
)

// Builtin is something that a script can call: a function such as require, or a method such as ctx.step. The methods of
// kubernetes are those of site.management and of site.workload(name).
type Builtin struct {
	Name string
	Sig  value.Signature
	Doc  string
	fn   func(*call) (starlark.Value, error)
}

// builtins is the vocabulary, sorted by name.
var builtins = []Builtin{
	{"after", value.Sig(`n`), "a heal: once the fault was felt n times", afterTimes},
	{"after_machine", value.Sig(`role, nth=1`), "a trigger: the nth new machine of the role runs", afterMachine},
	{"approve", value.Sig(``), "the operator agrees to a gate, or says that a manual is done", approve},
	{"at_phase", value.Sig(`role, phase, nth=1`), "a trigger: a machine of the role enters the phase for the nth time", atPhase},
	{"at_step", value.Sig(`id`), "a trigger or a heal: the step begins", atStep},
	{"at_time", value.Sig(`after`), "a trigger: so much site time after the beginning; a heal: after the fault came", atTime},
	{"before_step", value.Sig(`id`), "a trigger: before the step begins", beforeStep},
	{"blocked", value.Sig(expectSignature), "the runbook stops itself before any write", expectation},
	{"broken", value.Sig(`text, code=""`), "a wait's answer: it will never come true", broken},
	{"cluster", value.Sig(`name, manifests, etcd="model"`), "a workload cluster of a world, given as a directory of manifests", worldCluster},
	{"completes", value.Sig(expectSignature), "the runbook reaches its end", expectation},
	{"ctx.gate", value.Sig(`id, question, doc=""`), "asks a person for approval", ctxGate},
	{"ctx.manual", value.Sig(`id, instructions, verify=None, timeout=None, doc=""`), "asks a person to act, then verifies it", ctxManual},
	{"ctx.note", value.Sig(`text`), "writes a remark into the journal", ctxNote},
	{"ctx.step", value.Sig(`id, fn, *args, risk="write", undo=None, timeout=None, doc=""`), "calls fn(site, *args), which acts once", ctxStep},
	{"ctx.wait", value.Sig(`id, fn, *args, timeout, stuck_after=None, every=None, doc=""`), "calls fn(site, *args) until it is done or broken", ctxWait},
	{"does", value.Sig(`fn`), "the operator does fn(site), which is no step of the runbook", does},
	{"done", value.Sig(`value=None`), "a wait's answer: it has come true", done},
	{"duration", value.Sig(`text`), `a length of time: duration("1h30m")`, newDuration},
	{"fails", value.Sig(expectSignature), "the runbook stops after a write, the site does not answer, or an invariant is violated", expectation},
	{"field", value.Sig(`obj, path, default=None`), `what an object holds at "spec.x.0.y", or at a list of keys`, field},
	{"heals", value.Sig(`fault`), "the operator mends what the fault broke", heals},
	{"kubernetes.annotate", value.Sig(`kind, name, annotations, namespace=""`), "sets annotations; None removes one", annotate},
	{"kubernetes.apply", value.Sig(`obj`), "applies an object on the server side", apply},
	{"kubernetes.create", value.Sig(`obj`), "creates an object", create},
	{"kubernetes.delete", value.Sig(`kind, name, namespace=""`), "deletes an object", deleteObject},
	{"kubernetes.events", value.Sig(`kind, name, namespace=""`), "the events about an object", events},
	{"kubernetes.get", value.Sig(`kind, name, namespace="", default=…`), "an object, or the default when it is absent", get},
	{"kubernetes.label", value.Sig(`kind, name, labels, namespace=""`), "sets labels; None removes one", label},
	{"kubernetes.list", value.Sig(`kind, namespace="", selector=""`), "the objects of a kind", list},
	{"kubernetes.patch", value.Sig(`kind, name, namespace="", merge=None, json=None`), "patches an object in one write", patch},
	{"kubernetes.ping", value.Sig(``), "None, or the reason why the API server does not answer", ping},
	{"nearest", value.Sig(`word, among`), "the one that looks most like word, or None", nearest},
	{"noop", value.Sig(`value=None`), "a step's result: it was already so", noop},
	{"on_call", value.Sig(`method, nth=1`), "a trigger: the nth call of a method of vCenter, or of a write of the management API", onCall},
	{"one_way", value.Sig(`reason`), "an undo: there is none, and why", oneWay},
	{"operator_heals", value.Sig(``), "a heal: the operator mends it, with heals(fault)", operatorHeals},
	{"param.bool", value.Sig(`doc, default=None`), "a parameter: true or false", declareParam},
	{"param.duration", value.Sig(`doc, default=None`), `a parameter: a duration such as "30m"`, declareParam},
	{"param.enum", value.Sig(`options, doc, default=None`), "a parameter: one of the options", declareEnum},
	{"param.int", value.Sig(`doc, default=None`), "a parameter: an integer", declareParam},
	{"param.name", value.Sig(`doc, default=None`), "a parameter: the name of a Kubernetes object", declareParam},
	{"param.string", value.Sig(`doc, default=None`), "a parameter: any text", declareParam},
	{"param.version", value.Sig(`doc, default=None, one_of=None`), "a parameter: a version, if wanted one of a list", declareVersion},
	{"pending", value.Sig(`text, code=""`), "a wait's answer: not yet, and what it waits for", pending},
	{"quantity", value.Sig(`text`), `an amount: quantity("100Gi")`, newQuantity},
	{"refused", value.Sig(expectSignature), "the site refuses a write", expectation},
	{"registry", value.Sig(`artifacts`), "the image registry of a world: what has been synchronised", worldRegistry},
	{"registry.has", value.Sig(`repository, tag`), "whether the registry holds repository:tag", hasTag},
	{"registry.tags", value.Sig(`repository`), "the tags of a repository", tags},
	{"reject", value.Sig(`reason`), "the operator does not agree, or cannot do it", reject},
	{"require", value.Sig(`cond, message, code="", fix="", doc=""`), "refuses to go on unless cond holds", require},
	{"rollback", value.Sig(`fn, wait=None, timeout=None, stuck_after=None, after=""`), "an undo: fn(site), then wait(site) until it is safe to go on", rollback},
	{"runbook", value.Sig(`*, name, run, doc="", params=None, invariants=None`), "declares the runbook of this file", declareRunbook},
	{"scenario", value.Sig(`name, *, world, runbook, expect, params=None, faults=None, operator=None, seed=None, doc="", tags=None`), "declares a run and how it is expected to end", declareScenario},
	{"site.workload", value.Sig(`name`), "the Kubernetes API of a workload cluster", workload},
	{"stuck", value.Sig(expectSignature), "a wait sees no change for too long", expectation},
	{"suite", value.Sig(`name, doc=""`), "names the scenarios of this file", declareSuite},
	{"vcenter", value.Sig(`templates`), "the vCenter of a world: its VM templates", worldVCenter},
	{"vcenter.has_template", value.Sig(`name`), "whether a VM template has exactly that name", hasTemplate},
	{"vcenter.templates", value.Sig(``), "the VM templates", templates},
	{"vcenter.vms", value.Sig(``), "the virtual machines", vms},
	{"version", value.Sig(`text`), `a version: version("v1.33.7-1")`, newVersion},
	{"world", value.Sig(`dir=None, *, base=None, clusters=None, vcenter=None, registry=None, acp=None, name="", doc="", timing=None, changes=None`), "declares a world: from nothing, from a directory, or as a base with changes", declareWorld},
}

// Builtins lists what a script can call, sorted by name.
func Builtins() []Builtin { return slices.Clone(builtins) }

// Names are the names that every script knows beside Starlark's own, sorted.
func Names() []string { return slices.Sorted(maps.Keys(predeclared())) }

// predeclared is what every script can name.
func predeclared() starlark.StringDict {
	names := starlark.StringDict{
		"fault":  faultNames{},
		"json":   json.Module,
		"math":   math.Module,
		"never":  never,
		"range":  starlark.NewBuiltin("range", newRange),
		"struct": starlark.NewBuiltin("struct", starlarkstruct.Make),
	}
	params := starlark.StringDict{}
	for _, b := range builtins {
		switch owner, method, isMethod := strings.Cut(b.Name, "."); {
		case !isMethod:
			names[b.Name] = b.bind(b.Name, nil)
		case owner == "param":
			params[method] = b.bind(b.Name, nil)
		}
	}
	names["param"] = &starlarkstruct.Module{Name: "param", Members: params}
	return names
}

// known are the names that every script has, Starlark's own included, sorted.
func known() []string {
	return slices.Sorted(slices.Values(append(predeclared().Keys(), starlark.Universe.Keys()...)))
}

// bind is the builtin as a Starlark value, called shown in messages, with its receiver if it is a method.
func (b Builtin) bind(shown string, recv starlark.Value) starlark.Value {
	return starlark.NewBuiltin(shown, func(t *starlark.Thread, _ *starlark.Builtin, args starlark.Tuple, kwargs []starlark.Tuple) (starlark.Value, error) {
		return b.fn(&call{thread: t, env: envOf(t), builtin: b, name: shown, recv: recv, args: args, kwargs: kwargs})
	})
}

// method is the method of a type by its name, bound to recv; nil when there is none.
func method(of, name, shown string, recv starlark.Value) starlark.Value {
	i, found := slices.BinarySearchFunc(builtins, of+"."+name, func(b Builtin, key string) int {
		return strings.Compare(b.Name, key)
	})
	if !found {
		return nil
	}
	return builtins[i].bind(shown+"."+name, recv)
}

// methods lists the methods of a type.
func methods(of string) []string {
	var names []string
	for _, b := range builtins {
		if name, ok := strings.CutPrefix(b.Name, of+"."); ok {
			names = append(names, name)
		}
	}
	return names
}
