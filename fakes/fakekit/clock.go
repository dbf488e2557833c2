// Package fakekit holds what two or more fakes need. It is the one sibling that a fake may import.
package fakekit

import "time"

// Clock is the site's clock as a fake sees it. All methods may be called from any goroutine; none blocks.
//
// Site time stands still while anybody holds a Busy token, so a fake takes one for every piece of work
// that it does outside a timer of After, and Touches the clock when something reaches it from outside.
type Clock interface {
	// Now is the site time.
	Now() time.Time
	// After runs fn on a goroutine of its own, holding a Busy token, when d of site time has passed.
	// The returned func cancels a timer that has not fired yet.
	After(what string, d time.Duration, fn func()) (cancel func())
	// Busy keeps site time from moving until the returned func is called; calling that twice is harmless.
	Busy(what string) (done func())
	// Touch records activity: site time does not move until a short quiet window has passed.
	Touch()
	// Late counts a wait for something outside that was given up in real time. what says for what: site time may have
	// moved before it happened, so whoever sees more than none should doubt the run.
	Late(what string)
}
