package main

// undescribed leaves the descriptions out of the schemas of a definition. They are two thirds of its text, every API
// server that starts reads all of it, and only kubectl explain ever shows it.
func undescribed(definition map[string]any) {
	spec, _ := definition["spec"].(map[string]any)
	versions, _ := spec["versions"].([]any)
	for _, v := range versions {
		version, _ := v.(map[string]any)
		schema, _ := version["schema"].(map[string]any)
		undescribe(schema["openAPIV3Schema"])
	}
}

// The keywords of a schema, as apiextensions/v1 JSONSchemaProps has them, whose value is a schema, holds schemas by name,
// or is a list of schemas. Nothing else is entered: a property may be called description, and a default may have one.
var (
	oneSchema     = []string{"items", "additionalProperties", "additionalItems", "not"}
	schemasByName = []string{"properties", "patternProperties", "definitions", "dependencies"}
	schemaLists   = []string{"allOf", "anyOf", "oneOf"}
)

func undescribe(schema any) {
	s, ok := schema.(map[string]any)
	if !ok {
		return // additionalProperties may be a boolean, for one
	}
	delete(s, "description")
	for _, k := range oneSchema {
		undescribe(s[k])
	}
	for _, k := range schemasByName {
		byName, _ := s[k].(map[string]any)
		for _, child := range byName {
			undescribe(child)
		}
	}
	for _, k := range schemaLists {
		list, _ := s[k].([]any)
		for _, child := range list {
			undescribe(child)
		}
	}
}
