package fault

import (
	"context"
	"fmt"
	"strings"
)

var vmTemplateMissing = Fault{
	ID:     "vm-template-missing",
	Effect: "vCenter does not have the VM template",
	Symptom: "before the run: preflight refuses with vsphere-template-missing. Later: the new VSphereVM says VirtualMachineProvisioned=False " +
		`"unable to find template by name", its Machine stays Provisioning, and the rollout stands: with maxSurge 1 at one machine too many, with maxSurge 0 at one too few`,
	Recovery: "upload the OVA under exactly the name of the OS support matrix; the provider retries by itself, at most 1000 s later",
	Heal:     "uploads the template again under its name, unless somebody has done so",
	Source:   "000_d64b8bff74bf7917.txt, Prerequisites; sigs.k8s.io/cluster-api-provider-vsphere@v1.16.1 pkg/services/govmomi/template",
	Args:     []Arg{{Name: "name", Doc: "the template; by default the one that the target row names, or else the only one that no machine uses", Kind: TemplateName}},
	inject: func(ctx context.Context, s Site, a Args, hit func(string)) (laid, error) {
		name := a["name"]
		if name == "" {
			unused, err := s.UnusedTemplates(ctx)
			if err != nil {
				return laid{}, err
			}
			if len(unused) != 1 {
				return laid{}, fmt.Errorf("no name given and not one unused template, but [%s]", strings.Join(unused, " "))
			}
			name = unused[0]
		}
		show, err := s.HideTemplate(ctx, name)
		if err != nil {
			return laid{}, err
		}
		hit("VM template " + name + ": removed from vCenter")
		return laid{heal: show}, nil
	},
}
