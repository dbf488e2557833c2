package value

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode"

	"go.starlark.net/starlark"
)

// Version is a version in the style of Kubernetes, of an image tag or of a platform release: "v1.33.7",
// "1.12.4-v4.2.8", "v1.35.6-acp.1", "4.3.0". Its text is kept; the comparison ignores a leading v and reads numbers as
// numbers.
//
// A suffix is a later build of the same version (v1.33.7 < v1.33.7-1 < v1.33.7-2) unless it says that it comes before
// (v1.34.0-rc.1 < v1.34.0).
type Version struct {
	text                string
	Major, Minor, Patch int
	suffix              []string // runs of digits and runs of letters
}

var (
	versionForm = regexp.MustCompile(`^v?(\d+)\.(\d+)(?:\.(\d+))?(?:[-+_]([0-9A-Za-z.+_-]*))?$`)
	suffixRun   = regexp.MustCompile(`\d+|[A-Za-z]+`)
	preRelease  = map[string]bool{"alpha": true, "beta": true, "dev": true, "pre": true, "rc": true, "snapshot": true}
)

// ParseVersion reads a version; major and minor are required.
func ParseVersion(text string) (Version, error) {
	m := versionForm.FindStringSubmatch(text)
	if m == nil {
		return Version{}, fmt.Errorf("got %q, want a version such as v1.34.5 or v1.33.7-2", text)
	}
	v := Version{text: text, suffix: suffixRun.FindAllString(m[4], -1)}
	for i, part := range []*int{&v.Major, &v.Minor, &v.Patch} {
		if m[i+1] == "" {
			continue
		}
		n, err := strconv.Atoi(m[i+1])
		if err != nil {
			return Version{}, fmt.Errorf("got %q, want a version with numbers that fit", text)
		}
		*part = n
	}
	return v, nil
}

// Compare is negative when v is older than w, positive when it is newer.
func (v Version) Compare(w Version) int {
	for _, d := range []int{v.Major - w.Major, v.Minor - w.Minor, v.Patch - w.Patch, v.rank() - w.rank()} {
		if d != 0 {
			return d
		}
	}
	for i := 0; i < len(v.suffix) && i < len(w.suffix); i++ {
		if c := compareRun(v.suffix[i], w.suffix[i]); c != 0 {
			return c
		}
	}
	return len(v.suffix) - len(w.suffix)
}

// rank sorts what comes before a release, the release and its later builds.
func (v Version) rank() int {
	switch {
	case len(v.suffix) == 0:
		return 0
	case preRelease[strings.ToLower(v.suffix[0])]:
		return -1
	}
	return 1
}

// compareRun compares two runs of a suffix; a number comes before a word.
func compareRun(a, b string) int {
	aNumber, bNumber := unicode.IsDigit(rune(a[0])), unicode.IsDigit(rune(b[0]))
	switch {
	case aNumber && bNumber:
		a, b = strings.TrimLeft(a, "0"), strings.TrimLeft(b, "0")
		if len(a) != len(b) {
			return len(a) - len(b)
		}
	case aNumber:
		return -1
	case bNumber:
		return 1
	}
	return strings.Compare(a, b)
}

func (v Version) String() string        { return v.text }
func (v Version) Type() string          { return "version" }
func (v Version) Freeze()               {}
func (v Version) Truth() starlark.Bool  { return true }
func (v Version) Hash() (uint32, error) { return uint32(v.Major<<20 ^ v.Minor<<10 ^ v.Patch), nil }

// Cmp makes versions ordered in Starlark.
func (v Version) Cmp(y starlark.Value, _ int) (int, error) { return v.Compare(y.(Version)), nil }

// MarshalJSON is the version's text, so that json.encode and a patch carry it as it was written.
func (v Version) MarshalJSON() ([]byte, error) { return json.Marshal(v.text) }

// Attr gives the numbers.
func (v Version) Attr(name string) (starlark.Value, error) {
	switch name {
	case "major":
		return starlark.MakeInt(v.Major), nil
	case "minor":
		return starlark.MakeInt(v.Minor), nil
	case "patch":
		return starlark.MakeInt(v.Patch), nil
	}
	return nil, nil
}

func (v Version) AttrNames() []string { return []string{"major", "minor", "patch"} }

// Unpack takes a version or its text.
func (v *Version) Unpack(from starlark.Value) error {
	switch from := from.(type) {
	case Version:
		*v = from
		return nil
	case starlark.String:
		parsed, err := ParseVersion(string(from))
		if err == nil {
			*v = parsed
		}
		return err
	}
	return got(from, "version")
}

var _ interface {
	starlark.TotallyOrdered
	starlark.HasAttrs
} = Version{}
