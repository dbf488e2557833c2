package sim

import "testing"

func TestPortsAreExchangedWhereverAnAddressOfOursStands(t *testing.T) {
	from := ports{Webhooks: "40001", VCenter: "40002", Registry: "40003", Endpoints: []string{"40004"}}
	to := ports{Webhooks: "40002", VCenter: "50002", Registry: "50003", Endpoints: []string{"50004"}}
	for _, c := range []struct{ name, in, want string }{
		{"an address", "\x0a\x10https://127.0.0.1:40001/convert", "\x0a\x10https://127.0.0.1:40002/convert"},
		{"an address at the end", "server: 127.0.0.1:40002", "server: 127.0.0.1:50002"},
		{"two addresses, each exchanged once", "127.0.0.1:40001,127.0.0.1:40002", "127.0.0.1:40002,127.0.0.1:50002"},
		{"host and port in JSON", `{"host":"127.0.0.1","port":40004}`, `{"host":"127.0.0.1","port":50004}`},
		{"the same in an annotation", `{"a":"{\"host\":\"127.0.0.1\",\"port\":40004}"}`, `{"a":"{\"host\":\"127.0.0.1\",\"port\":50004}"}`},
		{"a port of nobody's", "127.0.0.1:40005", "127.0.0.1:40005"},
		{"a number that is longer", "127.0.0.1:400011", "127.0.0.1:400011"},
		{"another host", "10.0.0.1:40001 and 40002", "10.0.0.1:40001 and 40002"},
		{"a host that is cut off", "127.0.0.1:400", "127.0.0.1:400"},
	} {
		b := []byte(c.in)
		if readdress(b, from, to); string(b) != c.want {
			t.Errorf("%s: got %q, want %q", c.name, b, c.want)
		}
	}
}
