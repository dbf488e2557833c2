package view

import (
	"strings"

	"github.com/rehearse-dev/rehearse/runner/report"
)

// style is a colour of the terminal, as the parameter of its escape sequence.
type style string

const (
	plain  style = ""
	bold   style = "1"
	dim    style = "2"
	red    style = "31"
	green  style = "32"
	yellow style = "33"
	cyan   style = "36"
)

// span is a piece of a line in one style.
type span struct {
	text  string
	style style
}

// clean makes text safe for a terminal and for one line.
func clean(text string) string {
	return strings.ReplaceAll(report.Clean(text), "\t", " ")
}

// paint cuts a line to a width and gives it its colours.
func (m Mode) paint(width int, l []span) string {
	dots := "…"
	if !m.Unicode {
		dots = "~"
	}
	total := 0
	for _, s := range l {
		total += len([]rune(s.text))
	}
	var b strings.Builder
	left := width
	if total > width {
		left = max(0, width-1)
	}
	for _, s := range l {
		r := []rune(clean(s.text))
		cut := len(r) > left
		if cut {
			r = r[:left]
		}
		left -= len(r)
		b.WriteString(m.color(s.style, string(r)))
		if cut {
			break
		}
	}
	if total > width && width > 0 {
		b.WriteString(dots)
	}
	return strings.TrimRight(b.String(), " ")
}

func (m Mode) color(s style, text string) string {
	if !m.Color || s == plain || strings.TrimSpace(text) == "" {
		return text
	}
	return "\x1b[" + string(s) + "m" + text + "\x1b[0m"
}
