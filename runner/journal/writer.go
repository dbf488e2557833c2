package journal

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// FileName is the name of the journal in a run's directory.
const FileName = "journal.jsonl"

// ErrEnded is what Append returns after run.ended, which is the last event.
var ErrEnded = errors.New("journal: the run has ended")

// Writer appends events to one journal. Its methods may be called from any goroutine.
type Writer struct {
	site, wall func() time.Time
	path       string
	listeners  []func(Event)

	mu    sync.Mutex // guards what follows, and the file
	file  *os.File
	seq   int64
	prev  string
	ended bool
	err   error // the first failure to write; everything after it fails too

	start, startWall time.Time // of the first event

	queue   []Event // written, not yet told to the listeners
	told    int64   // sequence number of the last event that all listeners have heard
	telling bool    // somebody is telling them
	heard   *sync.Cond
}

// Create makes the directory if need be and starts a new journal in it; one that is there already is never touched.
// site and wall are the two clocks; wall is one that no simulation moves.
func Create(dir string, site, wall func() time.Time) (*Writer, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	path := filepath.Join(dir, FileName)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	if err := syncDir(dir); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	w := &Writer{site: site, wall: wall, path: path, file: f}
	w.heard = sync.NewCond(&w.mu)
	return w, nil
}

// syncDir makes the name of a new file last: without it a power cut may take the whole journal away.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	defer d.Close()
	if err := d.Sync(); err != nil {
		return fmt.Errorf("journal: %w", err)
	}
	return nil
}

// Path is where the journal is.
func (w *Writer) Path() string { return w.path }

// OnEvent adds a listener; call it before the first Append. Listeners hear every event, in the order of the journal,
// one at a time. A listener may Append, and must neither Drain nor wait for site time to pass.
func (w *Writer) OnEvent(f func(Event)) { w.listeners = append(w.listeners, f) }

// synced are the kinds that are on disk before Append returns: a lost one could hide a write to the site.
var synced = map[Kind]bool{KindRunStarted: true, KindRunEnded: true, KindWriteIntent: true, KindWriteOutcome: true}

// Append writes one event and tells the listeners. When another goroutine (or a listener further up the stack) is
// telling them already, it leaves that to it and returns; Drain waits for it.
func (w *Writer) Append(b Body) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	e, err := w.write(b)
	if err != nil {
		return err
	}
	w.queue = append(w.queue, e)
	if !w.telling {
		w.tell()
	}
	return nil
}

// Drain returns when the listeners have heard everything that was appended before the call.
func (w *Writer) Drain() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for want := w.seq; w.told < want; {
		if !w.telling { // a listener panicked and left the rest
			w.tell()
			continue
		}
		w.heard.Wait()
	}
}

// Elapsed is the site time and the wall time since the first event.
func (w *Writer) Elapsed() (site, wall time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.site().Sub(w.start), w.wall().Sub(w.startWall)
}

// Close closes the file. The run is over by then.
func (w *Writer) Close() error {
	w.Drain()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.file.Close()
}

// tell empties the queue. It is called with the lock held and gives it away while a listener runs.
func (w *Writer) tell() {
	w.telling = true
	defer func() {
		w.telling = false
		w.heard.Broadcast()
	}()
	for len(w.queue) > 0 {
		e := w.queue[0]
		w.queue = w.queue[1:]
		w.tellOne(e)
	}
}

func (w *Writer) tellOne(e Event) {
	w.mu.Unlock()
	defer func() { // also when a listener panics
		w.mu.Lock()
		w.told = e.Seq
		w.heard.Broadcast()
	}()
	for _, f := range w.listeners {
		f(e)
	}
}

func (w *Writer) write(b Body) (Event, error) {
	if w.err != nil {
		return Event{}, w.err
	}
	if w.ended {
		return Event{}, ErrEnded
	}
	e, line, err := w.event(b)
	if err != nil { // a body that cannot be encoded is our own mistake and must not pass unseen
		w.err = err
		return Event{}, err
	}
	if _, err = w.file.Write(line); err == nil && synced[e.Kind] {
		err = w.file.Sync()
	}
	if err != nil {
		w.err = fmt.Errorf("journal: event %d: %w", e.Seq, err)
		return Event{}, w.err
	}
	w.seq, w.prev = e.Seq, hashLine(line)
	w.ended = e.Kind == KindRunEnded
	return e, nil
}

// event gives the body its place in the chain; the line ends with a newline.
func (w *Writer) event(b Body) (Event, []byte, error) {
	body, err := encode(withoutSecrets(b))
	if err != nil {
		return Event{}, nil, fmt.Errorf("journal: body of %s: %w", b.EventKind(), err)
	}
	now, wall := w.site(), w.wall()
	if w.seq == 0 {
		w.start, w.startWall = now, wall
	}
	e := Event{
		Seq: w.seq + 1, Kind: b.EventKind(), At: Seconds(now.Sub(w.start)),
		Site: now.UTC(), Wall: wall.UTC().Round(time.Microsecond), Body: bytes.TrimSuffix(body, []byte("\n")), Prev: w.prev,
	}
	line, err := encode(e)
	if err == nil && e.Kind == KindRunEnded {
		e.Seal = hashLine(line)
		line, err = encode(e)
	}
	return e, line, err
}

// encode is json.Marshal that leaves <, > and & as they are, for people who grep.
func encode(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(v)
	return b.Bytes(), err
}

// hashLine hashes a line without its newline.
func hashLine(line []byte) string {
	sum := sha256.Sum256(bytes.TrimSuffix(line, []byte("\n")))
	return hex.EncodeToString(sum[:])
}

// Seconds is d as the journal writes it, in milliseconds' precision.
func Seconds(d time.Duration) float64 { return math.Round(d.Seconds()*1000) / 1000 }
