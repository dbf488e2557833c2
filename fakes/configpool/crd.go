package configpool

import (
	_ "embed"

	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	"sigs.k8s.io/yaml"
)

//go:embed crd.yaml
var crd []byte

// CRD is the published definition of VSphereMachineConfigPool.
func CRD() (*apiextensionsv1.CustomResourceDefinition, error) {
	d := &apiextensionsv1.CustomResourceDefinition{}
	return d, yaml.UnmarshalStrict(crd, d)
}

// Fields are those that the published definitions have and upstream's have not, by kind: where a machine, or the machines
// of a template, name their pool.
var Fields = map[string][]string{
	"VSphereMachine":         {"spec", "machineConfigPoolRef"},
	"VSphereMachineTemplate": {"spec", "template", "spec", "machineConfigPoolRef"},
}

// Extend adds the fields to the definitions of those kinds, in every version.
func Extend(crds []*apiextensionsv1.CustomResourceDefinition) {
	for _, d := range crds {
		path, ok := Fields[d.Spec.Names.Kind]
		if !ok || d.Spec.Group != GroupVersionKind().Group {
			continue
		}
		for _, v := range d.Spec.Versions {
			addRef(v.Schema.OpenAPIV3Schema, path)
		}
	}
}

func addRef(s *apiextensionsv1.JSONSchemaProps, path []string) {
	if len(path) == 1 {
		s.Properties[path[0]] = referenceSchema()
		return
	}
	child := s.Properties[path[0]]
	addRef(&child, path[1:])
	s.Properties[path[0]] = child
}

// referenceSchema is that of an ObjectReference, as published.
func referenceSchema() apiextensionsv1.JSONSchemaProps {
	atomic := "atomic"
	s := apiextensionsv1.JSONSchemaProps{Type: "object", XMapType: &atomic, Properties: map[string]apiextensionsv1.JSONSchemaProps{},
		Description: "MachineConfigPoolRef is a reference to the VSphereMachineConfigPool to use for this machine."}
	for _, f := range []string{"apiVersion", "fieldPath", "kind", "name", "namespace", "resourceVersion", "uid"} {
		s.Properties[f] = apiextensionsv1.JSONSchemaProps{Type: "string"}
	}
	return s
}
