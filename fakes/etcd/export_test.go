package etcd

// Version is the cluster's version, "3.5"; "" when it is not known.
func (c *Cluster) Version() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.s.version.String()
}
