package main

import (
	"testing"

	"sigs.k8s.io/yaml"
)

func TestOnlySchemasLoseTheirDescription(t *testing.T) {
	const with = `
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
        required: [description]
        properties:
          description: {type: string, description: goes}
          spec:
            description: goes
            default: {description: stays}
            example: {description: stays}
            enum: [{description: stays}]
            x-kubernetes-validations: [{rule: "true", message: stays, description: stays}]
            items: {description: goes, properties: {properties: {description: goes, type: string}}}
            additionalProperties: {description: goes, additionalProperties: true}
            not: {description: goes}
            patternProperties: {description: {description: goes, type: string}}
            anyOf: [{description: goes, allOf: [{description: goes, minimum: 1}]}]
            oneOf: [{description: goes}]
  - name: v2
    schema: {openAPIV3Schema: {description: goes}}
`
	const without = `
kind: CustomResourceDefinition
metadata: {name: pools.example.com, description: stays}
spec:
  versions:
  - name: v1
    additionalPrinterColumns: [{name: Age, description: stays}]
    schema:
      openAPIV3Schema:
        type: object
        required: [description]
        properties:
          description: {type: string}
          spec:
            default: {description: stays}
            example: {description: stays}
            enum: [{description: stays}]
            x-kubernetes-validations: [{rule: "true", message: stays, description: stays}]
            items: {properties: {properties: {type: string}}}
            additionalProperties: {additionalProperties: true}
            not: {}
            patternProperties: {description: {type: string}}
            anyOf: [{allOf: [{minimum: 1}]}]
            oneOf: [{}]
  - name: v2
    schema: {openAPIV3Schema: {}}
`
	d := map[string]any{}
	if err := yaml.Unmarshal([]byte(with), &d); err != nil {
		t.Fatal(err)
	}
	undescribed(d)
	got, err := yaml.Marshal(d)
	if err != nil {
		t.Fatal(err)
	}
	var w any
	if err := yaml.Unmarshal([]byte(without), &w); err != nil {
		t.Fatal(err)
	}
	want, err := yaml.Marshal(w)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
