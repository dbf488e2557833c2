// Overlay writes the build overlay that lets a twin move time.Now of its own process, and of its API servers.
//
// Real controllers compare time.Now() with stored timestamps (grace periods, retryAfter, drain timeouts). On a world
// clock that jumps they must see the jumps. The overlay replaces the local toolchain's time/time.go by a copy whose
// Now, Since and Until add an offset, with time.AddWorld to move it; timers are untouched. A child process that is built
// with the same overlay and started with the environment variable REHEARSE_SITE_CLOCK reads the offset of the twin from
// the file that it names, which both have mapped (see sim/clock). Nothing of the standard library is committed, and a
// toolchain whose source is not the expected one is refused instead of half patched.
//
// Beside the overlay stands the file goflags: the one value of GOFLAGS that everything is built, tested and checked with,
// so that one build cache serves all. For a toolchain that is refused it asks for a plain build, which works; then
// "rehearse doctor" says what follows the machine's clock instead of the site's.
//
// Use: overlay -goroot "$(go env GOROOT)" -out DIR, then GOFLAGS="$(cat DIR/goflags)" go build ….
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// edits are the replacements in time.go; each must be found exactly n times.
var edits = []struct {
	old, new string
	n        int
}{
	{"\nimport (\n", "\nimport (\n\t\"sync/atomic\"\n\t\"syscall\"\n\t\"unsafe\"\n", 1},
	{"sec, nsec, mono := runtimeNow()\n\tif mono == 0 {", "sec, nsec, mono := worldNow()\n\tif mono == 0 {", 1},
	{"return subMono(runtimeNano()-startNano, t.ext)", "return subMono(worldNano()-startNano, t.ext)", 1},
	{"return subMono(t.ext, runtimeNano()-startNano)", "return subMono(t.ext, worldNano()-startNano)", 1},
}

// world is added to the end of time.go. It is no file of its own: tools that read the sources of the standard library
// from the disk, such as staticcheck, would look for it there.
const world = `
// worldOffset is how far Now runs ahead of the machine's clock, in nanoseconds.
var worldOffset = openWorld()

// openWorld is the offset of the twin that started this process, or one of its own where none did. The second number of
// the file counts those who read the first.
func openWorld() *atomic.Int64 {
	file, ok := syscall.Getenv("REHEARSE_SITE_CLOCK")
	if !ok {
		return new(atomic.Int64)
	}
	fd, err := syscall.Open(file, syscall.O_RDWR|syscall.O_CLOEXEC, 0)
	if err != nil {
		panic("REHEARSE_SITE_CLOCK: open " + file + ": " + err.Error())
	}
	b, err := syscall.Mmap(fd, 0, 16, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_SHARED)
	if err != nil {
		panic("REHEARSE_SITE_CLOCK: map " + file + ": " + err.Error())
	}
	_ = syscall.Close(fd)
	page := (*[2]atomic.Int64)(unsafe.Pointer(&b[0]))
	page[1].Add(1)
	return &page[0]
}

// AddWorld moves Now, Since and Until ahead by d.
func AddWorld(d Duration) { worldOffset.Add(int64(d)) }

func worldNano() int64 { return runtimeNano() + worldOffset.Load() }

func worldNow() (sec int64, nsec int32, mono int64) {
	sec, nsec, mono = runtimeNow()
	o := worldOffset.Load()
	if o == 0 {
		return sec, nsec, mono
	}
	ns := int64(nsec) + o
	sec, nsec = sec+ns/1e9, int32(ns%1e9)
	if mono != 0 {
		mono += o
	}
	return sec, nsec, mono
}
`

func main() {
	goroot := flag.String("goroot", "", "the toolchain's GOROOT")
	out := flag.String("out", "", "the folder to write to")
	flag.Parse()
	if err := run(*goroot, *out); err != nil {
		fmt.Fprintln(os.Stderr, "overlay:", err)
		os.Exit(1)
	}
}

// plain are the flags without the overlay.
const plain = "-buildvcs=false"

// errUnknown means that the overlay does not fit the toolchain.
var errUnknown = errors.New("this Go release is not known to the world clock")

func run(goroot, out string) error {
	if goroot == "" || out == "" {
		return fmt.Errorf("-goroot and -out are required")
	}
	out, err := filepath.Abs(out)
	if err != nil {
		return err
	}
	flags := plain + " -tags=worldtime -overlay=" + filepath.Join(out, "overlay.json")
	err = write(goroot, out)
	if err == nil {
		err = try(flags)
	}
	if errors.Is(err, errUnknown) {
		fmt.Fprintf(os.Stderr, "overlay: %v\noverlay: building without it: some delays of the controllers will pass in real time\n", err)
		flags = plain
		if err := os.Remove(filepath.Join(out, "overlay.json")); err != nil && !errors.Is(err, fs.ErrNotExist) { // of an earlier toolchain
			return err
		}
	} else if err != nil {
		return err
	}
	return update(filepath.Join(out, "goflags"), []byte(flags+"\n"))
}

// try compiles package time with the flags.
func try(flags string) error {
	c := exec.Command("go", "build", "time")
	c.Env = append(os.Environ(), "GOFLAGS="+flags)
	if b, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%w: go build time: %w\n%s", errUnknown, err, b)
	}
	return nil
}

func write(goroot, out string) error {
	src := filepath.Join(goroot, "src", "time")
	b, err := os.ReadFile(filepath.Join(src, "time.go"))
	if err != nil {
		return err
	}
	for _, e := range edits {
		if got := bytes.Count(b, []byte(e.old)); got != e.n {
			return fmt.Errorf("%w: %s/time.go: got %d times %q, want %d", errUnknown, src, got, e.old, e.n)
		}
		b = bytes.ReplaceAll(b, []byte(e.old), []byte(e.new))
	}
	if err := os.MkdirAll(out, 0o755); err != nil {
		return err
	}
	file := filepath.Join(out, "time.go.txt") // not *.go: the folder is no package of ours
	if err := update(file, append(b, world...)); err != nil {
		return err
	}
	replace := map[string]string{filepath.Join(src, "time.go"): file}
	j, err := json.MarshalIndent(map[string]any{"Replace": replace}, "", "\t")
	if err != nil {
		return err
	}
	return update(filepath.Join(out, "overlay.json"), j)
}

// update writes only what changed, so that make sees no news where there is none.
func update(file string, text []byte) error {
	if old, err := os.ReadFile(file); err == nil && bytes.Equal(old, text) {
		return nil
	}
	tmp := file + ".tmp"
	if err := os.WriteFile(tmp, text, 0o644); err != nil {
		return err
	}
	return os.Rename(tmp, file)
}
