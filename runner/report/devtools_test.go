package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// browser is a tab of a headless Chromium, spoken to in the DevTools protocol through a pair of pipes: no port, no
// module. What the page does meanwhile is kept: what it asked for, and what it complained about.
type browser struct {
	t         *testing.T
	in        *os.File
	pipe      *os.File
	out       *bufio.Reader // of pipe
	session   string
	last      int
	requests  []string // URLs that are neither data nor the page itself
	complaint []string // of the console, of the browser, and of scripts that broke
	loaded    bool
	page      string // URL of the page that is being loaded
}

// chromiums are the names that Chromium has, the smallest program first.
var chromiums = []string{"chromium-headless-shell", "chrome-headless-shell", "chromium", "chromium-browser", "google-chrome",
	"google-chrome-stable"}

// chromium finds a browser. There is no test of a page without one, and no test that is left out in silence.
func chromium(t *testing.T) string {
	t.Helper()
	if path := os.Getenv("REHEARSE_CHROMIUM"); path != "" {
		return path
	}
	for _, name := range chromiums {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	t.Fatalf("got none of %s in $PATH, want a Chromium to look at the pages with: install one (Debian: apt-get install "+
		"chromium-headless-shell), or set REHEARSE_CHROMIUM to its path", strings.Join(chromiums, ", "))
	return ""
}

// patience is how long a browser may say nothing: it is for a machine that builds something else meanwhile.
const patience = 2 * time.Minute

func openBrowser(t *testing.T) *browser {
	t.Helper()
	itsIn, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, itsOut, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	args := []string{"--headless", "--remote-debugging-pipe", "--user-data-dir=" + t.TempDir(), "--no-first-run", "--disable-gpu",
		"--hide-scrollbars", "--disable-dev-shm-usage", "--disable-background-networking", "--disable-component-update",
		"--host-resolver-rules=MAP * ~NOTFOUND", "--force-device-scale-factor=1"}
	if os.Geteuid() == 0 { // as in a container
		args = append(args, "--no-sandbox")
	}
	c := exec.Command(chromium(t), args...)
	c.ExtraFiles = []*os.File{itsIn, itsOut} // its file descriptors 3 and 4
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	itsIn.Close()
	itsOut.Close()
	b := &browser{t: t, in: in, pipe: out, out: bufio.NewReaderSize(out, 1<<20)}
	t.Cleanup(func() {
		b.session = ""
		_ = b.send("Browser.close", nil)
		late := time.AfterFunc(patience, func() { _ = c.Process.Kill() })
		_ = c.Wait()
		late.Stop()
		in.Close()
		out.Close()
	})
	var tab struct{ TargetID, SessionID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &tab)
	b.call("Target.attachToTarget", map[string]any{"targetId": tab.TargetID, "flatten": true}, &tab)
	b.session = tab.SessionID
	for _, domain := range []string{"Page", "Network", "Log", "Runtime"} {
		b.call(domain+".enable", nil, nil)
	}
	return b
}

func (b *browser) send(method string, params any) error {
	b.last++
	m := map[string]any{"id": b.last, "method": method}
	if params != nil {
		m["params"] = params
	}
	if b.session != "" {
		m["sessionId"] = b.session
	}
	raw, err := json.Marshal(m)
	if err != nil {
		return err
	}
	_, err = b.in.Write(append(raw, 0))
	return err
}

// call waits for the answer, and keeps what happens in between.
func (b *browser) call(method string, params, into any) {
	b.t.Helper()
	if err := b.send(method, params); err != nil {
		b.t.Fatalf("%s: %v", method, err)
	}
	for {
		m := b.read(method)
		if m.ID != b.last {
			b.hear(m)
			continue
		}
		if m.Error.Message != "" {
			b.t.Fatalf("%s: %s", method, m.Error.Message)
		}
		if into != nil {
			if err := json.Unmarshal(m.Result, into); err != nil {
				b.t.Fatalf("%s: %v", method, err)
			}
		}
		return
	}
}

type message struct {
	ID     int
	Method string
	Params json.RawMessage
	Result json.RawMessage
	Error  struct{ Message string }
}

func (b *browser) read(why string) message {
	b.t.Helper()
	if err := b.pipe.SetReadDeadline(time.Now().Add(patience)); err != nil {
		b.t.Fatal(err)
	}
	raw, err := b.out.ReadBytes(0)
	var m message
	if err == nil {
		err = json.Unmarshal(raw[:len(raw)-1], &m)
	}
	if err != nil {
		b.t.Fatalf("waiting for %s: %v", why, err)
	}
	return m
}

func (b *browser) hear(m message) {
	switch m.Method {
	case "Page.loadEventFired":
		b.loaded = true
	case "Network.requestWillBeSent":
		var p struct{ Request struct{ URL string } }
		_ = json.Unmarshal(m.Params, &p)
		if u := p.Request.URL; u != b.page && !strings.HasPrefix(u, "data:") {
			b.requests = append(b.requests, u)
		}
	case "Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Page.javascriptDialogOpening":
		b.complaint = append(b.complaint, fmt.Sprintf("%s: %s", m.Method, m.Params))
	}
}

// open loads a file.
func (b *browser) open(file string) {
	b.t.Helper()
	path, err := filepath.Abs(file)
	if err != nil {
		b.t.Fatal(err)
	}
	b.page, b.loaded, b.requests, b.complaint = "file://"+path, false, nil, nil
	b.call("Page.navigate", map[string]any{"url": b.page}, nil)
	for !b.loaded {
		b.hear(b.read("load of " + file))
	}
}

// look sets the width of the window and what the reader prefers: light or dark, on a screen or on paper.
func (b *browser) look(width int, scheme, media string) {
	b.t.Helper()
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": 900, "deviceScaleFactor": 1,
		"mobile": false}, nil)
	b.call("Emulation.setEmulatedMedia", map[string]any{"media": media,
		"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// eval is what an expression is.
func (b *browser) eval(expression string, into any) {
	b.t.Helper()
	var r struct {
		Result struct {
			Value json.RawMessage
		}
		ExceptionDetails json.RawMessage
	}
	b.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true}, &r)
	if r.ExceptionDetails != nil {
		b.t.Fatalf("evaluate: %s", r.ExceptionDetails)
	}
	if err := json.Unmarshal(r.Result.Value, into); err != nil {
		b.t.Fatalf("evaluate: %v", err)
	}
}

// picture is the whole page as PNG.
func (b *browser) picture() []byte {
	b.t.Helper()
	var r struct{ Data []byte } // base64
	b.call("Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": true}, &r)
	return r.Data
}

// printed is the page as PDF.
func (b *browser) printed() []byte {
	b.t.Helper()
	var r struct{ Data []byte }
	b.call("Page.printToPDF", map[string]any{"printBackground": true, "preferCSSPageSize": true}, &r)
	return r.Data
}
