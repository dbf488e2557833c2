package clock

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// PageEnv names the page to a child process: NAME=path. A child that was built with the overlay of the time package
// then has the time.Now of this process.
const PageEnv = "REHEARSE_SITE_CLOCK"

// Page is a file that tells child processes how far time.Now of this process is ahead of the machine's clock. Its
// methods may be called from any goroutine.
type Page struct {
	path    string
	mapped  []byte
	numbers *[2]atomic.Int64 // the offset in nanoseconds; how many processes read it
}

// now is how far time.Now of this process is ahead, and the pages that say so. time.Now is one per process, so it is
// the process's and not a Clock's.
var now struct {
	mu    sync.Mutex
	ahead time.Duration
	pages []*Page
}

// moveNow moves time.Now, here and in the child processes.
func moveNow(d time.Duration) {
	now.mu.Lock()
	defer now.mu.Unlock()
	addWorld(d)
	now.ahead += d
	for _, p := range now.pages {
		p.numbers[0].Store(int64(now.ahead))
	}
}

// NewPage makes the file. In a build without VirtualNow it stays at nothing, as time.Now does.
func NewPage(path string) (_ *Page, err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("page of the clock: %w", err)
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	size := os.Getpagesize()
	if err := f.Truncate(int64(size)); err != nil {
		return nil, fmt.Errorf("page of the clock: %w", err)
	}
	b, err := unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("page of the clock: map %s: %w", path, err)
	}
	p := &Page{path: path, mapped: b, numbers: (*[2]atomic.Int64)(unsafe.Pointer(&b[0]))}
	now.mu.Lock()
	defer now.mu.Unlock()
	if VirtualNow {
		p.numbers[0].Store(int64(now.ahead))
	}
	now.pages = append(now.pages, p)
	return p, nil
}

// Env is for the environment of a child process.
func (p *Page) Env() string { return PageEnv + "=" + p.path }

// Readers is how many child processes have begun to read the page: those that were built for it.
func (p *Page) Readers() int { return int(p.numbers[1].Load()) }

// Close ends the page; the children have ended by then. The file is the caller's to remove.
func (p *Page) Close() {
	now.mu.Lock()
	defer now.mu.Unlock()
	now.pages = slices.DeleteFunc(now.pages, func(x *Page) bool { return x == p })
	_ = unix.Munmap(p.mapped)
}
