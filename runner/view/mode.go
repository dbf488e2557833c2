package view

import "strings"

// Mode is how progress is shown.
type Mode struct {
	Quiet   bool // nothing
	Live    bool // a tree that is drawn again and again; else one line per event
	Color   bool
	Unicode bool
}

// ModeOf chooses the mode: terminal tells whether stderr is one, getenv reads the environment.
func ModeOf(quiet, terminal bool, getenv func(string) string) Mode {
	locale := getenv("LC_ALL")
	for _, name := range []string{"LC_CTYPE", "LANG"} {
		if locale == "" {
			locale = getenv(name)
		}
	}
	locale = strings.ReplaceAll(strings.ToLower(locale), "-", "")
	able := terminal && getenv("TERM") != "dumb" && getenv("TERM") != ""
	return Mode{
		Quiet: quiet, Live: able && getenv("CI") == "", Color: able && getenv("NO_COLOR") == "",
		Unicode: strings.Contains(locale, "utf8"),
	}
}
