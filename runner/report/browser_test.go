package report

import (
	"bytes"
	_ "embed"
	"image"
	"image/png"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// inspect is what the browser finds wrong with a page, as a list of sentences.
//
//go:embed testdata/inspect.js
var inspect string

// Pages are looked at as people do: on a wide screen and on a narrow one, light and dark, and on paper.
func TestPagesInABrowser(t *testing.T) {
	b := openBrowser(t)
	dir := t.TempDir()
	for name, page := range allPages(t) {
		if err := os.WriteFile(filepath.Join(dir, name), page, 0o600); err != nil {
			t.Fatal(err)
		}
		keep(t, name, page)
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		t.Run(f.Name(), func(t *testing.T) {
			b.t = t
			b.open(filepath.Join(dir, f.Name()))
			for _, v := range []struct {
				name, scheme string
				width        int
			}{{"light", "light", 1400}, {"dark", "dark", 1400}, {"narrow", "light", 390}, {"narrow-dark", "dark", 390}} {
				b.look(v.width, v.scheme, "screen")
				for _, p := range problems(b) {
					t.Errorf("%s: %s", v.name, p)
				}
				shown(t, f.Name()+"."+v.name+".png", b.picture())
			}
			b.look(1000, "light", "print")
			for _, p := range problems(b) {
				t.Errorf("print: %s", p)
			}
			paper(t, b, f.Name())
			links(t, b, dir)
			if len(b.requests)+len(b.complaint) > 0 {
				t.Errorf("got requests %q and complaints %q, want none", b.requests, b.complaint)
			}
		})
	}
	b.t = t
}

// allPages are pages of runs, of a suite, and of a suite whose every text is hostile.
func allPages(t *testing.T) map[string][]byte {
	t.Helper()
	pages := map[string][]byte{}
	for _, name := range []string{"passed", "blocked", "cut-off", "halfway-back"} {
		b, err := HTML(load(t, name, pageStories()[name]))
		if err != nil {
			t.Fatal(err)
		}
		pages["run."+name+".html"] = b
	}
	add := func(prefix string, s *Suite) {
		files, err := SuiteHTML(s)
		if err != nil {
			t.Fatal(err)
		}
		for name, b := range files {
			pages[prefix+name] = bytes.ReplaceAll(b, []byte(`href="index.html"`), []byte(`href="`+prefix+`index.html"`))
		}
	}
	files, err := SuiteHTML(exampleSuite(t))
	if err != nil {
		t.Fatal(err)
	}
	for name, b := range files {
		pages[name] = b
	}
	add("hostile.", told(strings.Join(hostile[:4], "")+strings.Repeat("wide", 40)))
	return pages
}

func problems(b *browser) []string {
	b.t.Helper()
	var l []string
	b.eval(inspect, &l)
	return l
}

// shown tells whether there is anything to see, and keeps it for people when they ask for it.
func shown(t *testing.T, name string, picture []byte) {
	t.Helper()
	i, err := png.Decode(bytes.NewReader(picture))
	if err != nil {
		t.Fatal(err)
	}
	if n := colours(i); n < 12 {
		t.Errorf("%s: got %d colours, want a page", name, n)
	}
	keep(t, name, picture)
}

func keep(t *testing.T, name string, b []byte) {
	t.Helper()
	if *screenshots == "" {
		return
	}
	if err := os.WriteFile(filepath.Join(*screenshots, name), b, 0o644); err != nil {
		t.Fatal(err)
	}
}

func colours(i image.Image) int {
	seen := map[[3]uint32]bool{}
	for y := i.Bounds().Min.Y; y < i.Bounds().Max.Y; y += 3 {
		for x := i.Bounds().Min.X; x < i.Bounds().Max.X; x += 3 {
			r, g, b, _ := i.At(x, y).RGBA()
			seen[[3]uint32{r, g, b}] = true
		}
	}
	return len(seen)
}

// paper: what is folded on a screen is not on paper.
func paper(t *testing.T, b *browser, name string) {
	t.Helper()
	var folded int
	b.eval(`[...document.querySelectorAll("details > :not(summary)")].filter(e => !e.checkVisibility()).length`, &folded)
	if folded > 0 {
		t.Errorf("print: got %d folded parts, want them open", folded)
	}
	pdf := b.printed()
	if !bytes.HasPrefix(pdf, []byte("%PDF-")) {
		t.Errorf("print: got %d bytes that are no PDF", len(pdf))
	}
	keep(t, name+".pdf", pdf)
}

// links: every link leads to a file beside the page, or to a place in it.
func links(t *testing.T, b *browser, dir string) {
	t.Helper()
	var l []string
	b.eval(`[...document.querySelectorAll("a[href]:not([href^='#'])")].map(a => a.getAttribute("href"))`, &l)
	for _, href := range slices.Compact(l) {
		if strings.HasPrefix(filepath.Base(b.page), "hostile.") && href != "index.html" {
			continue // the page that it leads to has a prefix here
		}
		if _, err := os.Stat(filepath.Join(dir, href)); err != nil {
			t.Errorf("link: %v", err)
		}
	}
}

// What never finds anything proves nothing.
func TestTheBrowserSeesWhatIsWrong(t *testing.T) {
	b := openBrowser(t)
	file := filepath.Join(t.TempDir(), "bad.html")
	page := `<!doctype html><html><head><title>bad</title></head><body style="background:#fff"><h1></h1>
<img src="http://127.0.0.1:1/x.png" alt=""><p style="color:#ccc">pale</p><p id="a">a</p><p id="a">b</p><a href="#nowhere">x</a>
<div style="width:3000px">wide</div><div class="track" style="position:relative;width:100px"><span class="bar" style="position:absolute;left:150%">y</span></div>
<script>console.log("spoke"); nowhere()</script></body></html>`
	if err := os.WriteFile(file, []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	b.open(file)
	b.look(800, "light", "screen")
	got := strings.Join(append(problems(b), append(b.requests, b.complaint...)...), "\n")
	for _, want := range []string{"scripts", "no heading", "pale", "id a", "#nowhere", "wide in a window", "outside its track",
		"http://127.0.0.1:1/x.png", "consoleAPICalled", "exceptionThrown"} {
		if !strings.Contains(got, want) {
			t.Errorf("got no complaint about %q in\n%s", want, got)
		}
	}
}
