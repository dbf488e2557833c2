package runner_test

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/rehearse-dev/rehearse/dsl"
	"github.com/rehearse-dev/rehearse/runner"
	"github.com/rehearse-dev/rehearse/runner/journal"
)

func patchData(value string) body {
	return func(ctx context.Context, s dsl.Site) (dsl.Result, error) {
		_, err := s.Cluster("").Patch(ctx, dsl.Ref{Kind: "ConfigMap", Namespace: "ns", Name: "a"}, dsl.MergePatch,
			object{"data": object{"a": value}})
		return dsl.Result{}, err
	}
}

func withConfigMap(t *testing.T) (*fakeAPI, *rig) {
	t.Helper()
	api := newFakeAPI(t)
	api.put("v1", "configmaps", object{"apiVersion": "v1", "kind": "ConfigMap", "metadata": object{"name": "a"},
		"data": object{"a": "old"}})
	return api, newRig(t, newSite(t, api.config()))
}

func TestTheIntentOfAWriteIsOnDiskBeforeItIsSent(t *testing.T) {
	api, r := withConfigMap(t)
	var onDisk []journal.Kind
	api.fail = func(method, path string) int {
		if method == "PATCH" && isConfigMap(path) {
			for _, e := range r.events(t) {
				onDisk = append(onDisk, e.Kind)
			}
		}
		return 0
	}
	got := r.run(t, steps(action{writing("a"), patchData("new")}))
	expect(t, got, journal.Pass, runner.ExitPass, "a done")
	if n := len(onDisk); n == 0 || onDisk[n-1] != journal.KindWriteIntent {
		t.Errorf("got %v on disk when the request came, want the intent as the last", onDisk)
	}
	w := got.Run.Writes[0]
	if w.Key != "a/1" || w.Before != "101" || w.Outcome.After != "102" || !w.Outcome.Changed ||
		w.Object.String() != "ConfigMap ns/a" || string(w.Patch) != `{"data":{"a":"new"}}` {
		t.Errorf("got %+v, outcome %+v", w.WriteIntent, w.Outcome)
	}
	if d := w.Outcome.Diff; len(d) != 1 || d[0].Path != "data.a" || string(d[0].Old) != `"old"` || string(d[0].New) != `"new"` {
		t.Errorf("got diff %+v, want data.a from old to new", d)
	}
}

func TestAPatchThatChangesNothingIsANoop(t *testing.T) {
	_, r := withConfigMap(t)
	got := r.run(t, steps(action{writing("a"), patchData("old")}, action{read("b"), refuse5}))
	expect(t, got, journal.Fail, runner.ExitBlocked, "a noop", "b blocked vsphere-template-missing")
}

func TestARefusedWriteLeavesNothingWritten(t *testing.T) {
	api, r := withConfigMap(t)
	api.fail = func(method, path string) int {
		if method == "PATCH" {
			return 422
		}
		return 0
	}
	got := r.run(t, steps(action{writing("a"), patchData("new")}))
	expect(t, got, journal.Fail, runner.ExitFail, "a failed")
	contains(t, "message", got.Message, "a: patch ConfigMap ns/a: made to fail")
	if got.Run.Ended.Writes != 0 || got.Run.Writes[0].Outcome.Unknown {
		t.Errorf("got %d writes, outcome %+v; want none", got.Run.Ended.Writes, got.Run.Writes[0].Outcome)
	}
}

// The worst that can happen to a write is that its reply is lost: nobody knows, so it counts as written.
func TestALostReplyCountsAsWritten(t *testing.T) {
	api, r := withConfigMap(t)
	api.fail = func(method, path string) int {
		if method == "PATCH" {
			return 1
		}
		return 0
	}
	got := r.run(t, steps(action{writing("a"), patchData("new")}))
	expect(t, got, journal.Fail, runner.ExitFail, "a failed")
	if got.Run.Ended.Writes != 1 || !got.Run.Writes[0].Outcome.Unknown || got.Run.Steps[0].End.Writes != 1 {
		t.Errorf("got %d writes, outcome %+v", got.Run.Ended.Writes, got.Run.Writes[0].Outcome)
	}
}

func TestAWriteThatWasTurnedAwayIsSentAgain(t *testing.T) {
	api, r := withConfigMap(t)
	refused := 2
	api.fail = func(method, path string) int {
		if method == "PATCH" && refused > 0 {
			refused--
			return 429
		}
		return 0
	}
	got := r.run(t, steps(action{writing("a"), patchData("new")}))
	expect(t, got, journal.Pass, runner.ExitPass, "a done")
	if len(got.Run.Writes) != 1 || got.Run.Steps[0].End.SiteSeconds != 4 {
		t.Errorf("got %d writes in %gs of site time, want 1 in 4s", len(got.Run.Writes), got.Run.Steps[0].End.SiteSeconds)
	}
}

// An API server that is alone takes a minute or two to restart. Whoever is called at 03:00 should not find the run ended
// for it; but a write that may have been done is not sent twice, however patient a step is.
func TestAStepOutlastsTheRestartOfAnAPIServer(t *testing.T) {
	const nobody = -1 // listens
	tests := []struct {
		name   string
		method string        // what is answered in this way
		status int           // or nobody
		until  time.Duration // site time until which it is
		then   int           // what is answered from then on; 0: as it should be
		sent   int           // how often the write is sent
		end    string
		site   float64 // seconds of site time
	}{
		{"the write is turned away", "PATCH", 429, time.Minute, 0, 6, "a done", 100},
		{"the read before it is turned away", "GET", 429, time.Minute, 0, 1, "a done", 100},
		{"the write is turned away for a while", "PATCH", 429, 30 * time.Second, 0, 5, "a done", 40},
		{"the write is turned away for longer", "PATCH", 429, time.Hour, 0, 6, "a failed", 100},
		{"nobody listens", "PATCH", nobody, time.Minute, 0, 6, "a done", 100},
		{"nobody listens to the read before it", "GET", nobody, time.Minute, 0, 1, "a done", 100},
		{"nobody listens for longer", "PATCH", nobody, time.Hour, 0, 6, "a failed", 100},
		{"nobody knows about the write", "PATCH", 503, time.Minute, 0, 1, "a failed", 0},
		{"nobody knows about it after it was turned away", "PATCH", 429, 30 * time.Second, 503, 5, "a failed", 40},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			api, r := withConfigMap(t)
			sent := 0
			answer := func(method, path string) int {
				if !isConfigMap(path) {
					return 0
				}
				if method == "PATCH" {
					sent++
				}
				switch early := r.clock.Now().Sub(start) < tt.until; {
				case method != tt.method:
					return 0
				case early:
					return tt.status
				}
				return tt.then
			}
			if api.fail = answer; tt.status == nobody {
				api.fail, api.away = func(string, string) int { return 0 }, func(method, path string) bool { return answer(method, path) == nobody }
			}
			got := r.run(t, steps(action{writing("a"), patchData("new")}))
			code, verdict, data := runner.ExitPass, journal.Pass, "map[a:new]"
			if tt.end != "a done" {
				code, verdict, data = runner.ExitFail, journal.Fail, "map[a:old]"
			}
			expect(t, got, verdict, code, tt.end)
			if s := got.Run.Steps[0].End.SiteSeconds; s != tt.site || sent != tt.sent || len(got.Run.Writes) != 1 {
				t.Errorf("got %d writes, sent %d times in %gs of site time, want 1, sent %d times in %gs",
					len(got.Run.Writes), sent, s, tt.sent, tt.site)
			}
			if api.data(t) != data {
				t.Errorf("got %s, want %s", api.data(t), data)
			}
		})
	}
}

func TestAnObjectThatDiffersIsNotCreatedOver(t *testing.T) {
	_, r := withConfigMap(t)
	got := r.run(t, steps(action{writing("a"), create("ConfigMap", "a")}))
	expect(t, got, journal.Fail, runner.ExitFail, "a failed")
	contains(t, "message", got.Message, `create ConfigMap ns/a: it exists and differs: data.a: got "old", want "b"`)
}

func TestDeletingTwiceIsANoop(t *testing.T) {
	_, r := withConfigMap(t)
	remove := func(ctx context.Context, s dsl.Site) (dsl.Result, error) {
		return dsl.Result{}, s.Cluster("").Delete(ctx, dsl.Ref{Kind: "ConfigMap", Namespace: "ns", Name: "a"})
	}
	got := r.run(t, steps(action{writing("a"), remove}, action{writing("b"), remove}))
	expect(t, got, journal.Pass, runner.ExitPass, "a done", "b noop")
}

func TestTheJournalHoldsNoSecret(t *testing.T) {
	r := newRig(t, newSite(t, newFakeAPI(t).config()))
	got := r.run(t, steps(action{writing("a"), func(ctx context.Context, s dsl.Site) (dsl.Result, error) {
		o, err := s.Cluster("").Create(ctx, dsl.Object{"apiVersion": "v1", "kind": "Secret",
			"metadata": object{"name": "s", "namespace": "ns"}, "data": object{"key": "aHVudGVyMg=="}})
		raw, _ := json.Marshal(o)
		return dsl.Result{Value: raw}, err
	}}))
	expect(t, got, journal.Pass, runner.ExitPass, "a done")
	for _, e := range r.events(t) {
		if strings.Contains(string(e.Body), "aHVudGVyMg") {
			t.Errorf("the secret is in %s", e.Body)
		}
	}
}

func TestTheDiffOfASecretSaysThatItChangedAndNotHow(t *testing.T) {
	api := newFakeAPI(t)
	api.put("v1", "secrets", object{"apiVersion": "v1", "kind": "Secret", "metadata": object{"name": "a"},
		"data": object{"token": "b2xk"}})
	r := newRig(t, newSite(t, api.config()))
	got := r.run(t, steps(action{writing("a"), func(ctx context.Context, s dsl.Site) (dsl.Result, error) {
		_, err := s.Cluster("").Patch(ctx, dsl.Ref{Kind: "Secret", Namespace: "ns", Name: "a"}, dsl.MergePatch,
			object{"data": object{"token": "bmV3"}})
		return dsl.Result{}, err
	}}))
	expect(t, got, journal.Pass, runner.ExitPass, "a done")
	d := got.Run.Writes[0].Outcome.Diff
	if len(d) != 1 || d[0].Path != "data.token" || string(d[0].Old) != `"[redacted]"` || string(d[0].New) != `"[redacted]"` {
		t.Errorf("got diff %+v, want data.token redacted on both sides", d)
	}
}

func TestASiteIsOfNoUseAfterItsStep(t *testing.T) {
	var kept dsl.Site
	r := newRig(t, newSite(t, newFakeAPI(t).config()))
	got := r.run(t, steps(action{read("a"), func(_ context.Context, s dsl.Site) (dsl.Result, error) {
		kept = s
		return dsl.Result{}, nil
	}}, action{read("b"), func(ctx context.Context, _ dsl.Site) (dsl.Result, error) {
		_, err := kept.Cluster("").List(ctx, "ConfigMap", "ns", "")
		return dsl.Result{}, err
	}}))
	expect(t, got, journal.Fail, runner.ExitFail, "a done", "b failed")
	contains(t, "message", got.Message, `got a site whose step "a" has ended`)
}

func TestReadsNameWhatTheyWanted(t *testing.T) {
	api := newFakeAPI(t)
	s := newSite(t, api.config())
	tests := []struct {
		name, want string
		read       func(context.Context, dsl.Site) error
	}{
		{"an unknown kind", "find kind Machin: the server has no kind Machin (did you mean Machine?)",
			func(ctx context.Context, s dsl.Site) error {
				_, err := s.Cluster("").List(ctx, "Machin", "", "")
				return err
			}},
		{"an object without namespace", "Machine a: got no namespace, want one: the kind has namespaces",
			func(ctx context.Context, s dsl.Site) error {
				_, err := s.Cluster("").Get(ctx, dsl.Ref{Kind: "Machine", Name: "a"})
				return err
			}},
		{"a cluster that is not there",
			`find kind Node on cluster prod-b: connect to cluster prod-b: the site has no cluster "prod-b"`,
			func(ctx context.Context, s dsl.Site) error {
				_, err := s.Cluster("prod-b").List(ctx, "Node", "", "")
				return err
			}},
		{"a site without vCenter", "list templates of the vCenter: the site has no vCenter",
			func(ctx context.Context, s dsl.Site) error { _, err := s.VCenter().Templates(ctx); return err }},
		{"a site without registry", "list tags of a/b: the site has no registry",
			func(ctx context.Context, s dsl.Site) error { _, err := s.Registry().Tags(ctx, "a/b"); return err }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := newRig(t, s).run(t, steps(action{read("a"), func(ctx context.Context, s dsl.Site) (dsl.Result, error) {
				return dsl.Result{}, tt.read(ctx, s)
			}}))
			if want := "a: " + tt.want; got.Message != want {
				t.Errorf("got  %s\nwant %s", got.Message, want)
			}
		})
	}
}

func TestAJournalThatCannotBeWrittenStopsTheRunBeforeTheWrite(t *testing.T) {
	api, r := withConfigMap(t)
	sent := false
	api.fail = func(method, path string) int {
		sent = sent || method == "PATCH"
		return 0
	}
	r.options.Script = steps(action{writing("a"), func(ctx context.Context, s dsl.Site) (dsl.Result, error) {
		r.journal.Close()
		return patchData("new")(ctx, s)
	}})
	if _, err := runner.Run(t.Context(), r.options); err == nil || sent {
		t.Errorf("got error %v, request sent: %v; want an error and no request", err, sent)
	}
}

// A server that gives up on the way may have stored the object all the same: only a webhook's failure comes before that.
func TestAServerThatGivesUpMayHaveWritten(t *testing.T) {
	for _, tt := range []struct {
		status int
		says   string
		writes int
	}{
		{500, "etcdserver: request timed out", 1},
		{503, "the server is currently unable to handle the request", 1},
		{504, "Timeout: request did not complete within requested timeout", 1},
		{500, `Internal error occurred: failed calling webhook "x": connection refused`, 0},
	} {
		api, r := withConfigMap(t)
		api.says = tt.says
		api.fail = func(method, path string) int {
			if method == "PATCH" {
				return tt.status
			}
			return 0
		}
		got := r.run(t, steps(action{writing("a"), patchData("new")}))
		if w := got.Run.Writes[0].Outcome; w.Unknown != (tt.writes == 1) || got.Run.Ended.Writes != tt.writes {
			t.Errorf("%d %s: got outcome %+v and %d writes, want %d", tt.status, tt.says, w, got.Run.Ended.Writes, tt.writes)
		}
	}
}

// A Secret that is there already and differs says where, and not what.
func TestWhatASecretHoldsIsNotInTheErrorThatItDiffers(t *testing.T) {
	api := newFakeAPI(t)
	api.put("v1", "secrets", object{"apiVersion": "v1", "kind": "Secret", "metadata": object{"name": "a"},
		"data": object{"a": "aHVudGVyMg=="}})
	r := newRig(t, newSite(t, api.config()))
	got := r.run(t, steps(action{writing("a"), create("Secret", "a")}))
	expect(t, got, journal.Fail, runner.ExitFail, "a failed")
	contains(t, "message", got.Message, `create Secret ns/a: it exists and differs: data.a`)
	if raw, err := os.ReadFile(r.journal.Path()); err != nil || strings.Contains(string(raw), "aHVudGVyMg") {
		t.Errorf("got the Secret's data in the journal (%v):\n%s", err, raw)
	}
}
