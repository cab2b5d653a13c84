package main

// network is where the parts of a cluster find each other.
type network struct {
	// host is this machine's address: the API server listens there.
	host string
	// services is the subnet of Services, service the address of that of the API server.
	services, service string
}

// loopback is the network of a control plane alone: nothing leaves the machine, and no Service can
// be reached, since nothing could serve it.
func loopback() network {
	return network{host: "127.0.0.1", services: "10.214.0.0/24", service: "10.214.0.1"}
}

// apiServerArguments are those that depend on whether there is a node.
func (n network) apiServerArguments(*controlPlane) []string {
	// The Service of the API server would need an address that is not loopback.
	return []string{"--endpoint-reconciler-type=none"}
}
