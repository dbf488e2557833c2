// Package fault is what can go wrong at a site: one table of named defects, each with what it needs, does, shows and
// how it heals.
//
// The types to know are Fault (a row of the table), Spec (a fault that was asked for, parsed) and Engine (arms specs,
// fires them when their trigger comes, heals them). Trigger, target, effect and heal are kept apart. What a fault needs
// of a twin is the small interfaces of site.go. The package knows no runner: whoever follows the run tells the Engine.
package fault

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault is a row of the table.
type Fault struct {
	ID       string // kebab-case, stable
	Effect   string // what it does
	Symptom  string // what a person sees
	Recovery string // what a person does about it
	Heal     string // what heal= does in that person's stead
	Source   string // the document that it comes from
	Args     []Arg
	// Lasts is heal= where nobody gives it; "": never.
	Lasts string

	// inject does the effect, or lays it in wait. hit is told by name each time that something feels it: before inject
	// returns when the fault changes the site itself, else later, from any goroutine. It may heal the fault, so its
	// caller holds no lock that heal takes.
	inject func(ctx context.Context, s Site, a Args, hit func(target string)) (laid, error)
}

// laid is an effect that is in place.
type laid struct {
	heal func(context.Context) error // takes it back; nothing happens when somebody has done that already
	// waits says what has to pass for the effect to be felt; "" when it was felt at once.
	waits string
	// sees is told what machines say, for an effect that shows there alone; nil: it does not.
	sees func(Machine)
}

// Machine is what a Machine of the site says of itself.
type Machine struct {
	Cluster, Name, Role string
	Phase               string
	Ready               bool
	Message             string // why it is not ready
}

// Arg is an argument of a fault besides when= and heal=.
type Arg struct {
	Name, Doc, Default string
	OneOf              []string // empty: anything
	Kind               Kind     // what its value is; "": nothing that can be checked beforehand
	Required           bool     // there is no default
}

// Kind says what a value is: a number, or a name of something that a world declares.
type Kind string

// The kinds of values.
const (
	Number       Kind = "number"   // 1 or more
	Duration     Kind = "duration" // of site time, more than nothing
	ClusterName  Kind = "cluster"
	TemplateName Kind = "VM template"
	RoleName     Kind = "role"        // of machines: control-plane, or a MachineDeployment
	MachineName  Kind = "machine"     // of those that are there when the run begins; see MachineOf
	MemberName   Kind = "etcd member" // the name of its node; see MemberOf
)

// MachineOf is the kind of the machines of a cluster that have a role; "" is any.
func MachineOf(cluster, role string) Kind {
	if role != "" {
		role = " of role " + role
	}
	return MachineName + Kind(" of "+cluster+role)
}

// MemberOf is the kind of the etcd members of a cluster.
func MemberOf(cluster string) Kind { return MemberName + Kind(" of "+cluster) }

// clusterArg is the argument that most faults have, roleArg one of those that meet machines.
var (
	clusterArg = Arg{Name: "cluster", Doc: "the workload cluster; by default the first", Kind: ClusterName}
	roleArg    = Arg{Name: "role", Doc: "only machines of this role: control-plane, or a MachineDeployment; by default all", Kind: RoleName}
)

// Args are the values of a fault's arguments, defaults included.
type Args map[string]string

// Faults is the table, sorted by id.
var Faults = []Fault{
	apiErrors,
	apiRefused,
	apiSlow,
	apiThrottled,
	appReleaseEdited,
	appReleaseFails,
	appReleaseSlow,
	chartMissing,
	clusterPaused,
	controlPlaneJoinFails,
	controllerRestart,
	cpiAbsent,
	datastoreFull,
	diskReclaimFails,
	diskStillAttached,
	drStandby,
	drainBlocked,
	editSplit,
	etcdMemberDown,
	etcdNospace,
	etcdQuorumLoss,
	etcdSlow,
	hostnameTaken,
	imageMissing,
	kubeOVNProviderOld,
	kubeOVNUngated,
	kubeOVNVersionEdited,
	loadBalancerStale,
	machineDeleted,
	maxSurgeEdited,
	nodeNeverReady,
	nodeNotReady,
	nodeStale,
	oldTemplateDeleted,
	poolBound,
	poolDuplicate,
	poolExhausted,
	registryAddressMissing,
	registryUnreachable,
	slotOrphaned,
	stepDoneTwice,
	templateEditedInPlace,
	vCenterCredentialsExpired,
	vCenterDown,
	vCenterSlowTasks,
	vmBootHangs,
	vmCloneFails,
	vmFailed,
	vmTemplateMissing,
	vmWithoutIP,
	watchDelayed,
	webhookUnavailable,
	workerJoinFails,
	workersFirst,
	workloadPartitioned,
	wrongRow,
}

// Find returns the fault with the id.
func Find(id string) (Fault, bool) {
	i := slices.IndexFunc(Faults, func(f Fault) bool { return f.ID == id })
	if i < 0 {
		return Fault{}, false
	}
	return Faults[i], true
}

// IDs lists the table.
func IDs() []string {
	var l []string
	for _, f := range Faults {
		l = append(l, f.ID)
	}
	return l
}

// args fills in defaults and checks names and values.
func (f Fault) args(given map[string]string) (Args, error) {
	a := Args{}
	for _, x := range f.Args {
		v, ok := given[x.Name]
		if !ok {
			v = x.Default
		}
		if x.Required && v == "" {
			return nil, fmt.Errorf("%s: got none, want %s", x.Name, x.Doc)
		}
		if len(x.OneOf) > 0 && !slices.Contains(x.OneOf, v) {
			return nil, fmt.Errorf("%s: got %q, want one of %s", x.Name, v, strings.Join(x.OneOf, ", "))
		}
		if d, err := time.ParseDuration(v); x.Kind == Duration && v != "" && (err != nil || d <= 0) {
			return nil, fmt.Errorf("%s: got %q, want a duration, as 5s or 2m", x.Name, v)
		}
		if n, err := strconv.Atoi(v); x.Kind == Number && v != "" && (err != nil || n < 1) {
			return nil, fmt.Errorf("%s: got %q, want a number from 1 on", x.Name, v)
		}
		a[x.Name] = v
	}
	for k := range given {
		if _, ok := a[k]; !ok {
			return nil, fmt.Errorf("got argument %q, want one of %s", k, strings.Join(f.argNames(), ", "))
		}
	}
	return a, nil
}

func (f Fault) argNames() []string {
	l := []string{"when", "heal"}
	for _, x := range f.Args {
		l = append(l, x.Name)
	}
	return l
}
