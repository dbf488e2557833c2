// Package clock is site time for a process full of real controllers: a discrete-event clock.
//
// Every delay that the twin owns (requeues and back-off of controllers, durations of vCenter tasks and of guests, the
// runner's waits) is a timer on one Clock. Nobody sleeps: when the twin is quiescent the clock jumps to the next timer.
// Quiescent means that no queue holds a ready item, no reconcile runs, nobody holds a Busy token, no request is in
// flight, every write has come back through every watch of its kind (Barrier), and nothing happened for a short quiet
// window of real time. Site time stands still while anything works, so results do not depend on the machine's load.
//
// The types to know are Clock, Queue (a controller's queue on the clock, made by ControllerOptions) and Barrier.
// Real is the machine's own clock, for measurements. In a build with the overlay of the time package, time.Now of this
// process follows the jumps (VirtualNow).
//
// The package imports nothing of this module but the Clock interface of fakekit, which it implements.
package clock
