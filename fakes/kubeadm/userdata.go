package kubeadm

import (
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"io"
	"regexp"
	"strings"

	"sigs.k8s.io/yaml"
)

// file is an entry of cloud-config's write_files.
type file struct {
	Path     string `json:"path"`
	Content  string `json:"content"`
	Encoding string `json:"encoding"`
	Append   bool   `json:"append"`
}

// files reads user data and returns what cloud-init writes to the disk, by path. metadata are the instance's variables
// by their plain names ("local_hostname").
func files(userData []byte, metadata map[string]string) (map[string]string, error) {
	text := string(userData)
	if head, rest, _ := strings.Cut(text, "\n"); strings.HasPrefix(head, "## template:") {
		if kind := strings.TrimSpace(strings.TrimPrefix(head, "## template:")); kind != "jinja" {
			return nil, fmt.Errorf("bootstrap data: got template %q, want jinja", kind)
		}
		text = jinja(rest, metadata)
	}
	if !strings.HasPrefix(strings.TrimSpace(text), "#cloud-config") {
		head, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
		return nil, fmt.Errorf("bootstrap data: got %.40q first, want #cloud-config", head)
	}
	var config struct {
		WriteFiles []file `json:"write_files"`
	}
	if err := yaml.Unmarshal([]byte(text), &config); err != nil {
		return nil, fmt.Errorf("bootstrap data: %w", err)
	}
	out := map[string]string{}
	for _, f := range config.WriteFiles {
		content, err := f.decode()
		if err != nil {
			return nil, fmt.Errorf("bootstrap data: file %s: %w", f.Path, err)
		}
		if f.Append {
			content = out[f.Path] + content
		}
		out[f.Path] = content
	}
	return out, nil
}

// decode undoes the encoding of a file. cloud-init knows many names for few encodings.
func (f file) decode() (string, error) {
	switch f.Encoding {
	case "", "text/plain":
		return f.Content, nil
	case "b64", "base64":
		return unbase64(f.Content)
	case "gz", "gzip":
		return gunzip(f.Content)
	case "gz+base64", "gzip+base64", "gz+b64", "gzip+b64":
		zipped, err := unbase64(f.Content)
		if err != nil {
			return "", err
		}
		return gunzip(zipped)
	}
	return "", fmt.Errorf("encoding: got %q, want base64, gzip or gzip+base64", f.Encoding)
}

func unbase64(s string) (string, error) {
	b, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(s), ""))
	return string(b), err
}

func gunzip(s string) (string, error) {
	r, err := gzip.NewReader(strings.NewReader(s))
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(r)
	return string(b), err
}

// variable is a jinja expression that is nothing but a name: {{ ds.meta_data.local_hostname }}. dotted turns the other
// way to write it, ds.meta_data['local_hostname'], into that one.
var variable = regexp.MustCompile(`\{\{-?\s*([A-Za-z0-9_.'"\[\]]+)\s*-?\}\}`)

var dotted = strings.NewReplacer("['", ".", "']", "", `["`, ".", `"]`, "")

// jinja puts the instance's variables in. One that does not exist becomes what cloud-init makes of it.
func jinja(text string, metadata map[string]string) string {
	return variable.ReplaceAllStringFunc(text, func(expr string) string {
		name := dotted.Replace(variable.FindStringSubmatch(expr)[1])
		plain := strings.TrimPrefix(strings.TrimPrefix(name, "ds.meta_data."), "v1.")
		if v, ok := metadata[plain]; ok {
			return v
		}
		return "CI_MISSING_JINJA_VAR/" + plain
	})
}
