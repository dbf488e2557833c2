package assets

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ManifestFile is the manifest's name in the cache folder.
const ManifestFile = ".ok"

// Manifest names the finished binaries of a cache folder. It is written, by rename, after a binary is in place; so a
// build that was interrupted at any point leaves either no entry or a true one.
type Manifest struct {
	Binaries map[string]File `json:"binaries"` // by name
}

// File is what a finished binary looks like.
type File struct {
	Recipe  string `json:"recipe"` // digest of what it was built from
	Size    int64  `json:"size"`
	SHA256  string `json:"sha256"`
	Version string `json:"version"` // as the binary itself prints it
}

// ReadManifest reads the manifest of dir. A folder without one has an empty manifest.
func ReadManifest(dir string) (Manifest, error) {
	m := Manifest{Binaries: map[string]File{}}
	file := filepath.Join(dir, ManifestFile)
	b, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return m, nil
	}
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return Manifest{Binaries: map[string]File{}}, fmt.Errorf("%s: %w", file, err)
	}
	return m, nil
}

// holds returns nil when the binary in dir is the one that the manifest names. It looks at the size alone: the digest is
// the builder's to check, reading 400 MB at each start is not worth it.
func (m Manifest) holds(dir, name string) error {
	want, ok := m.Binaries[name]
	if !ok {
		return fmt.Errorf("not built")
	}
	got, err := os.Stat(filepath.Join(dir, name))
	if err != nil {
		return fmt.Errorf("not built")
	}
	if got.Size() != want.Size {
		return fmt.Errorf("damaged: got %d bytes, want %d", got.Size(), want.Size)
	}
	return nil
}
