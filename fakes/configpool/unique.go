package configpool

import (
	"fmt"
	"slices"
	"strings"
)

// membersUnique is a condition that newer providers have, and why it is false. Here a pool says it from the first time on
// that it is not so, and then again when it is.
const (
	membersUnique = "MembersUnique"

	duplicateHostname  = "DuplicateHostname"
	duplicateIPAddress = "DuplicateIPAddress"
)

// unique says in the conditions whether each slot has a hostname and addresses of its own.
func (p *Provider) unique(have *pool) {
	reason, message := duplicate(have.Spec.Configs)
	switch {
	case reason != "":
		p.say(have, condition{Type: membersUnique, Status: "False", Severity: "Error", Reason: reason, Message: message})
	case slices.ContainsFunc(have.Status.Conditions, func(c condition) bool { return c.Type == membersUnique }):
		p.say(have, condition{Type: membersUnique, Status: "True"})
	}
}

// duplicate is the first thing that two slots share, hostnames before addresses; "" when they share nothing.
func duplicate(slots []slot) (reason, message string) {
	if name, a, b := shared(slots, func(s slot) []string { return []string{s.Hostname} }); name != "" {
		return duplicateHostname, fmt.Sprintf("hostname %s is that of configs[%d] and configs[%d]", name, a, b)
	}
	if ip, a, b := shared(slots, slot.addresses); ip != "" {
		return duplicateIPAddress, fmt.Sprintf("IP address %s is that of slots %s and %s", ip, slots[a].Hostname, slots[b].Hostname)
	}
	return "", ""
}

// shared is the first value that two slots have, and which slots they are.
func shared(slots []slot, values func(slot) []string) (value string, first, second int) {
	of := map[string]int{}
	for i, s := range slots {
		for _, v := range values(s) {
			if j, ok := of[v]; ok && j != i {
				return v, j, i
			}
			of[v] = i
		}
	}
	return "", 0, 0
}

// addresses are those of all devices of a slot, without their prefix lengths.
func (s slot) addresses() (all []string) {
	if s.Network == nil {
		return nil
	}
	for _, d := range append([]device{s.Network.Primary}, s.Network.Additional...) {
		for _, a := range []string{d.IP, d.IPv6} {
			if ip, _, _ := strings.Cut(a, "/"); ip != "" {
				all = append(all, ip)
			}
		}
	}
	return all
}

// again tells whether an earlier slot has the hostname of the i-th: of such slots only the first one counts, since all that
// is known of a slot is known by its hostname.
func (p *pool) again(i int) bool {
	first := slices.IndexFunc(p.Spec.Configs, func(s slot) bool { return s.Hostname == p.Spec.Configs[i].Hostname })
	return first < i
}
