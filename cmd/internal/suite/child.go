package suite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rehearse-dev/rehearse/runner/journal"
	"github.com/rehearse-dev/rehearse/sim/kube"
)

// goodbye is the real time that a child may take to end once it is told to.
const goodbye = 20 * time.Second

// What a run leaves in its directory, beside its journal.
const (
	LogFile         = "rehearse.log"    // what a scenario's process said
	ControllersFile = "controllers.log" // what the controllers of its twin said
)

// child is the process of one scenario. Its journal and its log are all that it says; the controllers' log shows that
// its twin lives, also when it waits for long.
type child struct {
	dir         string
	process     *kube.Process
	limits      Limits
	journal     tail
	log         tail
	controllers tail
}

// Limits are what one run may take of real time.
type Limits struct {
	Whole   time.Duration // from its start to its end
	Silence time.Duration // in which nothing comes into its journal or its logs
}

// start starts it, in a directory that holds no journal: what it says is its own. The kernel ends it, and what it has
// started, when we die in whatever way.
func start(command []string, dir string, limits Limits) (*child, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	file := filepath.Join(dir, journal.FileName)
	if _, err := os.Stat(file); err == nil {
		return nil, fmt.Errorf("%s holds the journal of a run already", dir)
	}
	c := &child{dir: dir, limits: limits, journal: tail{file: file}, log: tail{file: filepath.Join(dir, LogFile)},
		controllers: tail{file: filepath.Join(dir, ControllersFile)}}
	var err error
	c.process, err = kube.StartProcess(kube.ProcessConfig{Name: "scenario", Path: command[0], Args: command[1:], Log: c.log.file, Stop: goodbye})
	return c, err
}

var errStopped = errors.New("stopped by the user")

// wait waits for its end and tells see, now and then, what it does. The error is why it did not end by itself; then it
// has been ended.
func (c *child) wait(ctx context.Context, see func(status)) error {
	look := time.NewTicker(200 * time.Millisecond)
	defer look.Stop()
	late := time.After(c.limits.Whole)
	quiet := time.NewTimer(c.limits.Silence)
	defer quiet.Stop()
	s := status{run: journal.NewRun()}
	for {
		select {
		case <-c.process.Done():
			return nil
		case <-look.C:
			if c.look(&s) {
				quiet.Reset(c.limits.Silence)
				see(s)
			}
			continue
		case <-ctx.Done():
			c.process.Stop()
			return errStopped
		case <-late:
			c.process.Stop()
			return fmt.Errorf("it ran for %s and was ended", c.limits.Whole)
		case <-quiet.C:
			c.process.Stop()
			return fmt.Errorf("it hung: nothing was written to its journal and its logs for %s, and it was ended", c.limits.Silence)
		}
	}
}

// status is what a scenario is doing.
type status struct {
	run  *journal.Run // as far as it has come
	said string       // the last line of its log, before there is a journal
}

// look reads what is new and tells whether anything is.
func (c *child) look(s *status) bool {
	news := len(c.controllers.lines()) > 0
	for _, line := range c.log.lines() {
		s.said, news = line, true
	}
	for _, line := range c.journal.lines() {
		news = true
		var e journal.Event
		if json.Unmarshal([]byte(line), &e) == nil {
			_ = s.run.Apply(e) // the whole journal is read strictly in the end
		}
	}
	return news
}

// said is the end of what the process said.
func (c *child) said() error {
	b, err := os.ReadFile(c.log.file)
	if err != nil {
		return err
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	var l []string
	for _, line := range lines {
		if line != "" && !strings.HasPrefix(line, "boot ") {
			l = append(l, line)
		}
	}
	if len(l) == 0 {
		return c.process.Exited()
	}
	return errors.New(strings.Join(l[max(0, len(l)-5):], "\n"))
}

// tail reads a file that grows.
type tail struct {
	file string
	at   int64
}

// lines are the whole lines that came since the last call.
func (t *tail) lines() []string {
	f, err := os.Open(t.file)
	if err != nil {
		return nil // not there yet
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil || info.Size() <= t.at {
		return nil
	}
	b := make([]byte, info.Size()-t.at)
	n, _ := f.ReadAt(b, t.at) // what is missing comes the next time
	end := strings.LastIndexByte(string(b[:n]), '\n')
	if end < 0 {
		return nil
	}
	t.at += int64(end) + 1
	return strings.Split(string(b[:end]), "\n")
}
