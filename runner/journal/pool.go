package journal

import "cmp"

// PoolLife is a machine config pool and what the run saw of it.
type PoolLife struct {
	Pool
	History []SeenPool // everything that it was, from the first to the last
}

// SeenPool is a pool as it was from a moment on, until it was seen again.
type SeenPool struct {
	At float64 // site seconds
	Pool
}

func (r *Run) pool(at float64, p Pool) {
	for _, l := range r.Pools {
		if l.Cluster == p.Cluster && l.Name == p.Name {
			p.Consumer = cmp.Or(p.Consumer, l.Consumer)
			l.Pool, l.History = p, append(l.History, SeenPool{at, p})
			return
		}
	}
	r.Pools = append(r.Pools, &PoolLife{p, []SeenPool{{at, p}}})
}

// EndpointLife is the control-plane endpoint of a workload cluster and when it did not answer.
type EndpointLife struct {
	Endpoint
	Outages []Outage
}

// Outage is a stretch without an answer.
type Outage struct {
	From float64  // site seconds
	To   *float64 // nil: it had not answered again when the run ended
	Why  string
}

func (r *Run) endpoint(at float64, e Endpoint) {
	var l *EndpointLife
	for _, x := range r.Endpoints {
		if x.Cluster == e.Cluster {
			l = x
		}
	}
	if l == nil {
		l = &EndpointLife{}
		r.Endpoints = append(r.Endpoints, l)
	}
	l.Endpoint = e
	n := len(l.Outages)
	down := n > 0 && l.Outages[n-1].To == nil
	switch {
	case e.Answers && down:
		l.Outages[n-1].To = &at
	case !e.Answers && !down:
		l.Outages = append(l.Outages, Outage{From: at, Why: e.Message})
	}
}
