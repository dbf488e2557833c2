package journal

import (
	"encoding/json"
	"maps"
	"slices"
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
	case RunStarted:
		b.Params = withoutTelling(b.Params)
		b.Command = withoutSecretParams(b.Command)
		return b
	}
	return b
}

// withoutTelling leaves out the values of parameters whose names tell of a secret.
func withoutTelling(params map[string]string) map[string]string {
	kept := maps.Clone(params)
	for name := range kept {
		if isTelling(name) {
			kept[name] = Redacted
		}
	}
	return kept
}

// withoutSecretParams does the same to the arguments name=value of a command line.
func withoutSecretParams(args []string) []string {
	kept := slices.Clone(args)
	for i, a := range kept {
		if name, _, ok := strings.Cut(a, "="); ok && isTelling(name) {
			kept[i] = name + "=" + Redacted
		}
	}
	return kept
}

// RedactPatch takes the secrets out of a patch (merge or JSON) or a whole object of a kind: everything under data and
// stringData of a Secret, and in objects of every kind the values that bear a telling name, and the contents of files.
func RedactPatch(kind string, patch json.RawMessage) json.RawMessage {
	return redact(patch, func(n *node) {
		n.redactTelling()
		switch {
		case !isSecret(kind):
			n.redactSecrets()
		case n.kind == '[':
			n.redactOps()
		default:
			n.redactData()
		}
	})
}

// RedactValue takes the data of every Secret and every value that bears a telling name out of plain data, and leaves
// the rest, and its order, as it is.
func RedactValue(value json.RawMessage) json.RawMessage {
	return redact(value, func(n *node) {
		n.redactTelling()
		n.redactSecrets()
	})
}

// redact leaves what it cannot parse out altogether: it cannot know what is in it.
func redact(raw json.RawMessage, f func(*node)) json.RawMessage {
	if len(raw) == 0 {
		return nil
	}
	n, err := parseTree(raw)
	if err != nil {
		n = new(node)
		n.hide()
	} else {
		f(n)
	}
	return n.append(nil)
}

func (n *node) hide() { *n = node{scalar: json.RawMessage(`"` + Redacted + `"`)} }

// hideAll keeps the names, so that a reader sees what was written without seeing it, and the null of a merge patch
// that removes a name.
func (n *node) hideAll() {
	switch {
	case n == nil || n.isNull():
	case n.kind == '{':
		for _, f := range n.fields {
			f.value.hideAll()
		}
	default:
		n.hide()
	}
}

func isSecret(kind string) bool { // "Secret", "Secret.v1", "secrets"
	k, _, _ := strings.Cut(strings.ToLower(kind), ".")
	return k == "secret" || k == "secrets"
}

// redactSecrets looks for Secrets at any depth.
func (n *node) redactSecrets() {
	if isSecret(n.get("kind").text()) {
		n.redactData()
		return
	}
	n.each((*node).redactSecrets)
}

func (n *node) each(f func(*node)) {
	for _, x := range n.fields {
		f(x.value)
	}
	for _, x := range n.items {
		f(x)
	}
}

// lastApplied is an annotation of kubectl that repeats the whole object as text, with the secrets in it.
const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

func (n *node) redactData() {
	if n.kind != '{' {
		n.hideAll()
		return
	}
	n.get("data").hideAll()
	n.get("stringData").hideAll()
}

// redactOps takes the values out of a JSON patch of a Secret, those of its labels and annotations excepted.
func (n *node) redactOps() {
	for _, op := range n.items {
		path := op.get("path").text()
		if !strings.HasPrefix(path, "/metadata/") || strings.Contains(path, "last-applied") {
			op.get("value").hideAll()
		}
	}
}

// telling are the ends of the names of fields that hold a secret in objects that are no Secrets: users of a machine,
// bootstrap tokens, kubeconfigs.
var telling = []string{"accesskey", "clientsecret", "passwd", "password", "privatekey", "secretkey", "token"}

// redactTelling looks for telling names at any depth, and for the contents of files, which may be keys.
func (n *node) redactTelling() {
	for _, f := range n.fields {
		if f.value.isText() && (isTelling(f.name) || f.name == lastApplied || f.name == "content" && n.get("path") != nil) {
			f.value.hide()
		}
	}
	if path := n.get("path").text(); path != "" && n.get("op") != nil { // of a JSON patch, whose path is the name
		name := path[strings.LastIndexByte(path, '/')+1:]
		if v := n.get("value"); v.isText() && (isTelling(name) || name == "content" || strings.Contains(name, "last-applied")) {
			v.hide()
		}
	}
	n.each((*node).redactTelling)
}

// isText tells whether n is a text that is not empty, also one in the encoding of bytes or of what is not UTF-8.
func (n *node) isText() bool {
	return n.text() != "" || n != nil && len(n.fields) == 1 && (n.get("$bytes") != nil || n.get("$text") != nil)
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
