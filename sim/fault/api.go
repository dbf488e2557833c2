package fault

import (
	"context"
	"fmt"
	"strconv"
	"time"
)

// clientArg says whose requests are met.
var clientArg = Arg{Name: "client", Doc: "whose requests: the site's (people and the runbook), those of all controllers, or of one controller manager",
	Default: "all", OneOf: append([]string{"all", "controllers", siteClients}, controllers...)}

// everyArg says how many of them.
var everyArg = Arg{Name: "every", Doc: "only each so manieth request", Default: "1", Kind: Number}

// apiFails injects a fault of the management API. what says what happens to requests.
func apiFails(effect APIEffect, what string) func(context.Context, Site, Args, func(string)) (laid, error) {
	return func(_ context.Context, s Site, a Args, hit func(string)) (laid, error) {
		f := APIFault{Effect: effect, Hit: func(client string) { hit("management API: requests of " + client + " " + what) }}
		switch c := a["client"]; c {
		case "all":
		case "controllers":
			f.Clients = controllers
		default:
			f.Clients = []string{c}
		}
		var err error
		for name, set := range map[string]func(v string) error{
			"delay":       func(v string) error { f.Delay, err = time.ParseDuration(v); return err },
			"retry-after": func(v string) error { f.Delay, err = time.ParseDuration(v); return err },
			"code":        func(v string) error { f.Status, err = strconv.Atoi(v); return err },
			"every":       func(v string) error { f.Every, err = strconv.Atoi(v); return err },
		} {
			if v := a[name]; v != "" && set(v) != nil {
				return laid{}, fmt.Errorf("%s: %w", name, err)
			}
		}
		heal := s.FailAPI(f)
		return laid{heal: func(context.Context) error { heal(); return nil }, waits: "the next request to the management API"}, nil
	}
}
