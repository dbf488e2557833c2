package fault

import (
	"context"
	"fmt"
	"strings"

	"github.com/blang/semver/v4"
)

var workersFirst = Fault{
	ID:     "workers-first",
	Effect: "somebody gives the MachineDeployments a version that the control plane does not have yet",
	Symptom: "the new MachineSet makes no machine (event and condition with PreflightCheckFailed: \"do not conform to the kubernetes version skew " +
		"policy\"); with maxSurge 1 no worker is lost, with maxSurge 0 one has gone already",
	Recovery: "upgrade the control plane; the workers go on by themselves, at most 15 s later",
	Heal:     "puts the versions back, unless somebody has set others meanwhile",
	Source:   "000_d64b8bff74bf7917.txt, Upgrade the worker nodes; sigs.k8s.io/cluster-api@v1.13.4 internal/controllers/machineset/machineset_preflight.go",
	Args: []Arg{
		clusterArg,
		{Name: "version", Doc: "as v1.34.5; by default the first of the control plane's next minor"},
	},
	inject: func(ctx context.Context, s Site, a Args, hit func(string)) (laid, error) {
		cluster, err := clusterOf(s, a)
		if err != nil {
			return laid{}, err
		}
		person, err := administratorOf(s, "")
		if err != nil {
			return laid{}, err
		}
		version := a["version"]
		if version == "" {
			kcp, err := person.controlPlane(ctx, cluster)
			if err != nil {
				return laid{}, err
			}
			if version, err = minorsLater(str(kcp, "spec", "version"), 1); err != nil {
				return laid{}, err
			}
		}
		all, err := person.ofCluster(ctx, machineDeploymentKind, cluster)
		if err != nil {
			return laid{}, err
		}
		var names []string
		var backs []func(context.Context) error
		for i := range all {
			back, err := person.exchange(ctx, &all[i], version, "spec", "template", "spec", "version")
			if err != nil {
				return laid{}, fmt.Errorf("MachineDeployment %s: %w", all[i].GetName(), err)
			}
			names, backs = append(names, all[i].GetName()), append(backs, back)
		}
		if len(names) == 0 {
			return laid{}, fmt.Errorf("cluster %s: it has no MachineDeployment", cluster)
		}
		hit(fmt.Sprintf("MachineDeployment %s: version %s", strings.Join(names, " "), version))
		return laid{heal: each(backs)}, nil
	},
}

// each does all of them, up to the first error.
func each(l []func(context.Context) error) func(context.Context) error {
	return func(ctx context.Context) error {
		for _, do := range l {
			if err := do(ctx); err != nil {
				return err
			}
		}
		return nil
	}
}

// minorsLater is the first version of a later minor.
func minorsLater(v string, n uint64) (string, error) {
	x, err := semver.ParseTolerant(v)
	if err != nil {
		return "", fmt.Errorf("version %q: %w", v, err)
	}
	return fmt.Sprintf("v%d.%d.0", x.Major, x.Minor+n), nil
}
