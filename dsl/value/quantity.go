package value

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/big"
	"regexp"
	"strings"

	"go.starlark.net/starlark"
	"go.starlark.net/syntax"
)

// Quantity is an amount in Kubernetes notation: quantity("100Gi"), quantity("500m"). It is exact; its text is kept.
type Quantity struct {
	text   string
	amount *big.Rat
}

var (
	quantityForm = regexp.MustCompile(`^([+-]?(?:\d{1,64}(?:\.\d{0,64})?|\.\d{1,64}))` +
		`(?:([KMGTPE]i|[numkMGTPE])|[eE]([+-]?\d{1,2}))?$`)
	quantityUnit = map[string]*big.Rat{
		"": big.NewRat(1, 1), "n": power(10, -9), "u": power(10, -6), "m": power(10, -3),
		"k": power(10, 3), "M": power(10, 6), "G": power(10, 9),
		"T": power(10, 12), "P": power(10, 15), "E": power(10, 18),
		"Ki": power(2, 10), "Mi": power(2, 20), "Gi": power(2, 30),
		"Ti": power(2, 40), "Pi": power(2, 50), "Ei": power(2, 60),
	}
)

func power(base, exp int64) *big.Rat {
	n := new(big.Int).Exp(big.NewInt(base), big.NewInt(max(exp, -exp)), nil)
	r := new(big.Rat).SetInt(n)
	if exp < 0 {
		r.Inv(r)
	}
	return r
}

// ParseQuantity reads a Kubernetes quantity.
func ParseQuantity(text string) (Quantity, error) {
	m := quantityForm.FindStringSubmatch(text)
	if m == nil {
		return Quantity{}, fmt.Errorf("got %q, want a quantity such as 100Gi, 1.5 or 500m", text)
	}
	amount, ok := new(big.Rat).SetString(strings.TrimSuffix(m[1], "."))
	if !ok {
		return Quantity{}, fmt.Errorf("got %q, want a quantity such as 100Gi, 1.5 or 500m", text)
	}
	unit := quantityUnit[m[2]]
	if m[3] != "" {
		var exp int64
		fmt.Sscan(m[3], &exp)
		unit = power(10, exp)
	}
	return Quantity{text: text, amount: amount.Mul(amount, unit)}, nil
}

func (q Quantity) String() string       { return q.text }
func (q Quantity) Type() string         { return "quantity" }
func (q Quantity) Freeze()              {}
func (q Quantity) Truth() starlark.Bool { return q.amount.Sign() != 0 }

// Hash agrees for equal amounts, however they are written.
func (q Quantity) Hash() (uint32, error) {
	h := fnv.New32a()
	h.Write([]byte(q.amount.RatString()))
	return h.Sum32(), nil
}

// Cmp makes quantities ordered in Starlark.
func (q Quantity) Cmp(y starlark.Value, _ int) (int, error) {
	return q.amount.Cmp(y.(Quantity).amount), nil
}

// MarshalJSON is the quantity's text.
func (q Quantity) MarshalJSON() ([]byte, error) { return json.Marshal(q.text) }

// Binary is quantity ± quantity; the result is written without a unit.
func (q Quantity) Binary(op syntax.Token, y starlark.Value, side starlark.Side) (starlark.Value, error) {
	other, ok := y.(Quantity)
	if !ok {
		return nil, nil
	}
	sum := new(big.Rat)
	switch {
	case op == syntax.PLUS:
		sum.Add(q.amount, other.amount)
	case op == syntax.MINUS && side == starlark.Left:
		sum.Sub(q.amount, other.amount)
	default:
		return nil, nil
	}
	text := sum.RatString()
	if !sum.IsInt() {
		text = strings.TrimRight(sum.FloatString(9), "0") // nano is the smallest unit
	}
	return ParseQuantity(text)
}

// Unpack takes a quantity or its text.
func (q *Quantity) Unpack(from starlark.Value) error {
	switch from := from.(type) {
	case Quantity:
		*q = from
		return nil
	case starlark.String:
		parsed, err := ParseQuantity(string(from))
		if err == nil {
			*q = parsed
		}
		return err
	}
	return got(from, "quantity")
}

var _ interface {
	starlark.TotallyOrdered
	starlark.HasBinary
} = Quantity{}
