package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// processes are the running processes that have text in their command line.
func processes(text string) []int {
	var l []int
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline") // the pattern is good
	for _, file := range files {
		b, err := os.ReadFile(file)
		if err != nil || !strings.Contains(string(b), text) {
			continue // one that has ended meanwhile, or another's
		}
		if pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file))); err == nil && pid != os.Getpid() {
			l = append(l, pid)
		}
	}
	return l
}
