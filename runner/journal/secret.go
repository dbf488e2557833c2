package journal

import (
	"encoding/json"
	"strings"
)

// Redacted stands where a secret was.
const Redacted = "[redacted]"

// withoutSecrets is the body as it may be written.
func withoutSecrets(b Body) Body {
	switch b := b.(type) {
	case WriteIntent:
		b.Patch = RedactPatch(b.Object.Kind, b.Patch)
		return b
	case StepEnded:
		b.Value = RedactValue(b.Value)
		return b
	}
	return b
}

// RedactPatch takes the secrets out of a patch (merge or JSON) or a whole object of a kind: everything under data and
// stringData of a Secret, and in objects of every kind the values that bear a telling name, and the contents of files.
func RedactPatch(kind string, patch json.RawMessage) json.RawMessage {
	return redact(patch, func(v any) any {
		v = redactTelling(v)
		if !isSecret(kind) {
			return redactSecrets(v)
		}
		if ops, ok := v.([]any); ok {
			return redactOps(ops)
		}
		return redactData(v)
	})
}

// RedactValue takes the data of every Secret and every value that bears a telling name out of plain data.
func RedactValue(value json.RawMessage) json.RawMessage {
	return redact(value, func(v any) any { return redactSecrets(redactTelling(v)) })
}

// redact leaves what it cannot parse out altogether: it cannot know what is in it.
func redact(raw json.RawMessage, f func(any) any) json.RawMessage {
	if len(raw) == 0 {
		return nil
	}
	d := json.NewDecoder(strings.NewReader(string(raw)))
	d.UseNumber() // numbers come out as they went in
	var v any
	if err := d.Decode(&v); err != nil {
		return json.RawMessage(`"` + Redacted + `"`)
	}
	out, err := encode(f(v))
	if err != nil {
		return json.RawMessage(`"` + Redacted + `"`)
	}
	return out[:len(out)-1]
}

func isSecret(kind string) bool { // "Secret", "Secret.v1", "secrets"
	k, _, _ := strings.Cut(strings.ToLower(kind), ".")
	return k == "secret" || k == "secrets"
}

// redactSecrets looks for Secrets at any depth.
func redactSecrets(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = redactSecrets(v[i])
		}
	case map[string]any:
		if k, _ := v["kind"].(string); isSecret(k) {
			return redactData(v)
		}
		for k := range v {
			v[k] = redactSecrets(v[k])
		}
	}
	return v
}

// lastApplied is an annotation of kubectl that repeats the whole object.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

func redactData(v any) any {
	m, ok := v.(map[string]any)
	if !ok {
		return Redacted
	}
	for _, k := range []string{"data", "stringData"} {
		if d, ok := m[k]; ok {
			m[k] = redactAll(d)
		}
	}
	if meta, ok := m["metadata"].(map[string]any); ok {
		if a, ok := meta["annotations"].(map[string]any); ok && a[lastApplied] != nil {
			a[lastApplied] = Redacted
		}
	}
	return m
}

// redactOps takes the values out of a JSON patch of a Secret, those of its labels and annotations excepted.
func redactOps(ops []any) any {
	for _, op := range ops {
		m, ok := op.(map[string]any)
		if !ok {
			continue
		}
		path, _ := m["path"].(string)
		harmless := strings.HasPrefix(path, "/metadata/") && !strings.Contains(path, "last-applied")
		if _, has := m["value"]; has && !harmless {
			m["value"] = redactAll(m["value"])
		}
	}
	return ops
}

// redactAll keeps the keys, so that a reader sees what was written without seeing it.
func redactAll(v any) any {
	switch v := v.(type) {
	case map[string]any:
		for k := range v {
			v[k] = redactAll(v[k])
		}
		return v
	case nil:
		return nil // a merge patch that removes a key
	}
	return Redacted
}

// telling are the ends of the names of fields that hold a secret in objects that are no Secrets: users of a machine,
// bootstrap tokens, kubeconfigs.
var telling = []string{"accesskey", "clientsecret", "passwd", "password", "privatekey", "secretkey", "token"}

// redactTelling looks for telling names at any depth, and for the contents of files, which may be keys.
func redactTelling(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = redactTelling(v[i])
		}
	case map[string]any:
		for k, x := range v {
			if s, ok := x.(string); ok && s != "" && (isTelling(k) || k == "content" && v["path"] != nil) {
				v[k] = Redacted
				continue
			}
			v[k] = redactTelling(x)
		}
		redactOp(v)
	}
	return v
}

// redactOp does the same for one operation of a JSON patch, whose name is its path.
func redactOp(m map[string]any) {
	path, ok := m["path"].(string)
	if _, isOp := m["op"]; !ok || !isOp {
		return
	}
	name := path[strings.LastIndexByte(path, '/')+1:]
	if s, ok := m["value"].(string); ok && s != "" && (isTelling(name) || name == "content") {
		m["value"] = Redacted
	}
}

func isTelling(name string) bool {
	name = strings.ToLower(strings.NewReplacer("-", "", "_", "").Replace(name))
	for _, t := range telling {
		if strings.HasSuffix(name, t) {
			return true
		}
	}
	return false
}
