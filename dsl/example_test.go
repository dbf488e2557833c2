package dsl_test

import (
	"context"
	"fmt"
	"strings"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/dsl/diag"
	"github.com/rehearse-dev/rehearse/dsl/dsltest"
)

const greeting = `
def look(site, name):
    thing = site.management.get("Thing", name, default = None)
    require(thing != None, "there is no Thing %s" % name, code = "thing-missing", fix = "create it")
    return struct(labels = field(thing, "metadata.labels", {}))

def greet(site, name):
    site.management.label("Thing", name, {"greeted": "yes"})

def greeted(site, name):
    labels = field(site.management.get("Thing", name), "metadata.labels", {})
    return done() if "greeted" in labels else pending("%s was not greeted yet" % name)

def run(ctx, p):
    ctx.step("look", look, p.name, risk = "read")
    ctx.step("greet", greet, p.name, undo = lambda site: site.management.label("Thing", p.name, {"greeted": None}))
    ctx.wait("greeted", greeted, p.name, timeout = "5m")

runbook(name = "greeting", run = run, params = {"name": param.name("whom to greet")})
`

// A runbook is loaded, bound to its parameters and run on a host.
func Example() {
	loader := dsl.Loader{Root: "/", ReadFile: func(string) ([]byte, error) { return []byte(greeting), nil }}
	rb, err := loader.Runbook("/greeting.star")
	if err != nil {
		fmt.Print(diag.Text(err))
		return
	}
	for _, name := range []string{"a", "z"} {
		host := &dsltest.Host{Site: smallSite()}
		params, err := rb.Bind(map[string]string{"name": name})
		if err == nil {
			err = rb.Run(context.Background(), host, params)
		}
		fmt.Println(strings.Join(host.Log[:1], "; "))
		if err != nil {
			fmt.Print(diag.Text(err))
		}
	}
	// Output:
	// step look: done
	// step look: /greeting.star:4:5: thing-missing: there is no Thing z
	// /greeting.star:4:5: thing-missing: there is no Thing z
	//     4 |     require(thing != None, "there is no Thing %s" % name, code = "thing-missing", fix = "create it")
	//       |     ^
	//   in run at /greeting.star:15:5
	//   in look at /greeting.star:4:5
	// hint: create it
}
