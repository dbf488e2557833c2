package journal

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Scan calls f with every event of a journal. A last line without its newline is what a crash in the middle of a
// write leaves behind: it is dropped and reported as torn. Everything else that is not an unbroken chain of events is
// an error that names the line.
func Scan(r io.Reader, f func(Event) error) (torn bool, err error) {
	in := bufio.NewReaderSize(r, 64<<10)
	prev := ""
	for n := int64(1); ; n++ {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return len(line) > 0, nil
		}
		if err != nil {
			return false, fmt.Errorf("line %d: %w", n, err)
		}
		e, err := parse(line, n, prev)
		if err != nil {
			return false, fmt.Errorf("line %d: %w", n, err)
		}
		if err := f(e); err != nil {
			return false, fmt.Errorf("line %d: %w", n, err)
		}
		prev = hashLine(line)
	}
}

func parse(line []byte, n int64, prev string) (Event, error) {
	var e Event
	if err := json.Unmarshal(line, &e); err != nil {
		return e, fmt.Errorf("not an event: %w", err)
	}
	switch {
	case e.Seq != n:
		return e, fmt.Errorf("got event %d, want event %d", e.Seq, n)
	case e.Prev != prev:
		return e, fmt.Errorf("the chain is broken: got prev %.12q, want %.12q, the hash of the line before", e.Prev, prev)
	case e.Kind == "":
		return e, errors.New("event without a kind")
	case e.Kind == KindRunEnded || e.Seal != "": // a seal of another kind is one whose kind was changed
		if want := hashLine(bytes.Replace(line, fmt.Appendf(nil, `,"seal":%q`, e.Seal), nil, 1)); e.Seal != want {
			return e, fmt.Errorf("the seal is broken: got %.12q, want %.12q, the hash of the line without it", e.Seal, want)
		}
	}
	return e, nil
}

// Read folds a journal.
func Read(r io.Reader) (*Run, error) {
	run := NewRun()
	torn, err := Scan(r, run.Apply)
	if err != nil {
		return nil, err
	}
	if run.Events == 0 {
		return nil, errors.New("there is no event in it")
	}
	run.Torn = torn
	return run, nil
}

// ReadFile folds the journal at path: the file itself, or the run's directory.
func ReadFile(path string) (*Run, error) {
	if i, err := os.Stat(path); err == nil && i.IsDir() {
		path = filepath.Join(path, FileName)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("journal: %w", err)
	}
	run, err := Read(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("journal %s: %w", path, err)
	}
	run.Path = path
	return run, nil
}
