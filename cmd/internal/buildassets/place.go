package main

import (
	"io"
	"os"
	"path/filepath"
)

// place puts the file from also at to: linked where the file system can, else copied. It says whether it had to.
func place(from, to string) (fresh bool, err error) {
	src, err := os.Stat(from)
	if err != nil {
		return false, err
	}
	if dst, err := os.Stat(to); err == nil && same(from, to, src, dst) {
		return false, nil
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return false, err
	}
	tmp := filepath.Join(filepath.Dir(to), "."+filepath.Base(to)+".tmp")
	if err := os.Remove(tmp); err != nil && !os.IsNotExist(err) {
		return false, err
	}
	defer os.Remove(tmp)
	if err := os.Link(from, tmp); err != nil {
		if err := copyFile(from, tmp); err != nil {
			return false, err
		}
	}
	return true, os.Rename(tmp, to)
}

func same(from, to string, src, dst os.FileInfo) bool {
	if os.SameFile(src, dst) {
		return true
	}
	if src.Size() != dst.Size() {
		return false
	}
	_, a, errA := digest(from)
	_, b, errB := digest(to)
	return errA == nil && errB == nil && a == b
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	if err := out.Sync(); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
