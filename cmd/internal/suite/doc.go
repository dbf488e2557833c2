// Package suite runs many scenarios: it finds their files, chooses and shards them, runs each in a process of its own,
// judges what their journals say, and keeps the results.
//
// The functions and types to know are Load (everything that can be wrong is found before anything starts), Selection and
// Runner. A scenario has a process of its own because a twin has: its clock, its time.Now and its chance are those of the
// process. Whatever happens to one, the others go on.
package suite
