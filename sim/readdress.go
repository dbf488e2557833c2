package sim

import (
	"bytes"
	"fmt"
	"net"
)

// ports are where the servers of a twin listen whose addresses stand in stored objects. All have five digits: so those of
// one twin can be put in the place of another's without moving anything else, whatever the encoding.
type ports struct {
	Webhooks, VCenter, Registry string
	Endpoints                   []string // of the workload clusters' control planes, in the order of the plan
}

func (p ports) list() []string {
	return append([]string{p.Webhooks, p.VCenter, p.Registry}, p.Endpoints...)
}

// portDigits is how many digits all ports have. The kernel picks them from 32768 on unless it was told otherwise.
const portDigits = 5

// portsOf are the ports that a twin listens on. An error says that one of them cannot be exchanged.
func (t *Twin) ports() (ports, error) {
	port := func(address string) string { _, p, _ := net.SplitHostPort(address); return p }
	p := ports{Webhooks: port(t.webhooks.Address()), VCenter: port(t.vcenter.Host()), Registry: port(t.registry.Host())}
	for _, w := range t.workloads {
		p.Endpoints = append(p.Endpoints, fmt.Sprint(w.endpoint.addr.Port))
	}
	for _, x := range p.list() {
		if len(x) != portDigits {
			return p, fmt.Errorf("got port %s, want one of %d digits", x, portDigits)
		}
	}
	return p, nil
}

// localhost is the one address that a twin's servers listen on.
const localhost = "127.0.0.1"

// between are what stands between host and port in a stored object: in an address, in the JSON of a
// controlPlaneEndpoint, and in the JSON of such an object inside of another one's annotation.
var between = []string{":", `","port":`, `\",\"port\":`}

// readdress puts the ports of one twin in the place of another's wherever an address of ours stands in b.
func readdress(b []byte, from, to ports) {
	now := map[string]string{}
	for i, p := range from.list() {
		now[p] = to.list()[i]
	}
	for {
		i := bytes.Index(b, []byte(localhost))
		if i < 0 {
			return
		}
		b = b[i+len(localhost):]
		for _, sep := range between {
			if p, ok := bytes.CutPrefix(b, []byte(sep)); ok && number(p) == portDigits {
				copy(p, now[string(p[:portDigits])])
			}
		}
	}
}

// number is how many digits b begins with.
func number(b []byte) int {
	n := 0
	for n < len(b) && '0' <= b[n] && b[n] <= '9' {
		n++
	}
	return n
}
