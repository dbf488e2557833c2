package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"
)

const root = "../../.."

func TestCommittedPagesAreCurrent(t *testing.T) {
	for _, p := range pages {
		t.Run(p.file, func(t *testing.T) {
			got, err := os.ReadFile(root + "/docs/" + p.file)
			if err != nil {
				t.Fatal(err)
			}
			want, err := p.make(root)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("docs/%s: got another page than the code makes; to write it: make docs\nfirst difference: %s", p.file, firstDifference(got, want))
			}
		})
	}
}

func firstDifference(got, want []byte) string {
	a, b := strings.Split(string(got), "\n"), strings.Split(string(want), "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return "got " + a[i] + "\nwant " + b[i]
		}
	}
	return "one has more lines"
}

func TestParseTakesTheBlocksOfAFake(t *testing.T) {
	f, err := parse("x", "Package x plays\nan x.\n\nMore.\n\nModels:\n\n\tthis\n\tand <that>\n\nSimplifies:\n\n\ta\n\nOmits:\n\n\tb\n\nSource: c;\nd\n")
	if err != nil {
		t.Fatal(err)
	}
	if want := "plays an x."; f.synopsis != want {
		t.Errorf("got synopsis %q, want %q", f.synopsis, want)
	}
	if got, want := strings.Join(f.texts, "|"), "this and &lt;that>|a|b|c; d"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFakeThatDoesNotSayWhatItOmitsIsRefused(t *testing.T) {
	if _, err := parse("x", "Package x plays an x.\n\nModels:\n\n\tall\n\nSimplifies:\n\n\tnothing\n\nSource: none\n"); err == nil {
		t.Error("got no error")
	}
}

func TestDurationsAreShort(t *testing.T) {
	for d, want := range map[time.Duration]string{5 * time.Second: "5s", 150 * time.Second: "2m30s", 2 * time.Minute: "2m", 0: "0s"} {
		if got := short(d); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
