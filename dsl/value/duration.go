package value

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// Duration is a length of site time: duration("1h30m"). It adds, subtracts, compares, and is multiplied by an int.
type Duration time.Duration

// ParseDuration reads "90s", "30m", "1h30m".
func ParseDuration(text string) (Duration, error) {
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, fmt.Errorf("got %q, want a duration such as 90s, 30m or 1h30m", text)
	}
	return Duration(d), nil
}

// String leaves out what is zero: 30m, not 30m0s.
func (d Duration) String() string {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func (d Duration) Type() string          { return "duration" }
func (d Duration) Freeze()               {}
func (d Duration) Truth() starlark.Bool  { return d != 0 }
func (d Duration) Hash() (uint32, error) { return uint32(d) ^ uint32(d>>32), nil }

// Cmp makes durations ordered in Starlark.
func (d Duration) Cmp(y starlark.Value, _ int) (int, error) {
	switch y := y.(Duration); {
	case d < y:
		return -1, nil
	case d > y:
		return 1, nil
	}
	return 0, nil
}

// MarshalJSON is the duration's text.
func (d Duration) MarshalJSON() ([]byte, error) { return json.Marshal(d.String()) }

// Binary is duration ± duration and duration * int.
func (d Duration) Binary(op syntax.Token, y starlark.Value, side starlark.Side) (starlark.Value, error) {
	switch y := y.(type) {
	case Duration:
		switch {
		case op == syntax.PLUS:
			return d + y, nil
		case op == syntax.MINUS && side == starlark.Left:
			return d - y, nil
		}
	case starlark.Int:
		if n, ok := y.Int64(); ok && op == syntax.STAR {
			return d * Duration(n), nil
		}
	}
	return nil, nil
}

// Attr gives the whole seconds.
func (d Duration) Attr(name string) (starlark.Value, error) {
	if name == "seconds" {
		return starlark.MakeInt64(int64(time.Duration(d) / time.Second)), nil
	}
	return nil, nil
}

func (d Duration) AttrNames() []string { return []string{"seconds"} }

// Unpack takes a duration or its text.
func (d *Duration) Unpack(from starlark.Value) error {
	switch from := from.(type) {
	case Duration:
		*d = from
		return nil
	case starlark.String:
		parsed, err := ParseDuration(string(from))
		if err == nil {
			*d = parsed
		}
		return err
	}
	return got(from, "duration")
}

var _ interface {
	starlark.TotallyOrdered
	starlark.HasBinary
	starlark.HasAttrs
} = Duration(0)
