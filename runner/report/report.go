package report

import "github.com/rehearse-dev/rehearse/runner/journal"

// Format is a way to write a report.
type Format struct {
	Name  string // as -o takes it
	Write func(*journal.Run) ([]byte, error)
}

// Formats is the table of them. Keep sorted.
var Formats = []Format{
	{"json", JSON},
	{"text", func(r *journal.Run) ([]byte, error) { return []byte(Text(r)), nil }},
}
