package dsl

import (
	"runtime"
	"runtime/metrics"
	"sync"
	"time"

	"github.com/rehearse-dev/rehearse/dsl/diag"
	"go.starlark.net/starlark"
)

// What a script may use: for loading one file, for the control flow of run, and for each call of a step's or a wait's
// function anew.
const (
	maxSteps  = 50_000_000
	maxMemory = 1 << 30
	maxSource = 4 << 20
)

// grant gives the thread a fresh allowance until the returned func is called, and then what was left before.
//
// Starlark counts steps itself. Memory is only sampled, on real time: one expression that asks for gigabytes at once is
// bounded by Starlark's own limits alone.
func grant(t *starlark.Thread) (end func()) {
	e := envOf(t)
	start, before := t.ExecutionSteps(), e.limit
	e.limit = start + maxSteps
	t.SetMaxExecutionSteps(e.limit)
	stop := watchMemory(t)
	return func() {
		stop()
		e.limit = before + t.ExecutionSteps() - start
		t.SetMaxExecutionSteps(e.limit)
	}
}

// watchMemory cancels the thread when the heap has grown beyond the limit since the call. The heap is the whole
// process's, but only a script hoards a gigabyte within one call; garbage is collected before it is blamed.
func watchMemory(t *starlark.Thread) (stop func()) {
	ticker, quit := time.NewTicker(50*time.Millisecond), make(chan struct{})
	var done sync.WaitGroup
	start := heap()
	done.Go(func() {
		for {
			select {
			case <-quit:
				return
			case <-ticker.C:
			}
			if heap() < start+maxMemory {
				continue
			}
			runtime.GC()
			if heap() >= start+maxMemory {
				envOf(t).cancel(t, diag.New("memory-limit", "the script holds more than %d MiB", maxMemory>>20))
				return
			}
		}
	})
	return func() {
		ticker.Stop()
		close(quit)
		done.Wait()
	}
}

func heap() uint64 {
	sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	metrics.Read(sample)
	return sample[0].Value.Uint64()
}
