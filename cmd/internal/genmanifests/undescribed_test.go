package main

import (
	"strings"
	"testing"

	"sigs.k8s.io/yaml"
)

// TestOnlySchemasLoseTheirDescription: of what is called description here, what reads "goes" describes a schema.
func TestOnlySchemasLoseTheirDescription(t *testing.T) {
	const definition = `
kind: CustomResourceDefinition
metadata: {name: pools.example.com, description: stays}
spec:
  versions:
  - name: v1
    additionalPrinterColumns: [{name: Age, description: stays}]
    schema:
      openAPIV3Schema:
        description: goes
        type: object
        properties:
          description: {format: stays, description: goes}
          spec:
            description: goes
            default: {description: stays}
            example: {description: stays}
            enum: [{description: stays}]
            x-kubernetes-validations: [{rule: "true", description: stays}]
            items: {description: goes, properties: {properties: {description: goes, format: stays}}}
            additionalProperties: {description: goes, additionalProperties: true}
            not: {description: goes}
            patternProperties: {description: {description: goes, format: stays}}
            anyOf: [{description: goes, allOf: [{description: goes, format: stays}]}]
            oneOf: [{description: goes}]
  - name: v2
    schema: {openAPIV3Schema: {description: goes}}
`
	d := map[string]any{}
	if err := yaml.Unmarshal([]byte(definition), &d); err != nil {
		t.Fatal(err)
	}
	undescribed(d)
	got, err := yaml.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(got), "goes"); n != 0 {
		t.Errorf("got %d descriptions of schemas, want none:\n%s", n, got)
	}
	if n, want := strings.Count(string(got), "stays"), strings.Count(definition, "stays"); n != want {
		t.Errorf("got %d others, want all %d:\n%s", n, want, got)
	}
}
