package main

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

// Ports come from below those that the kernel gives to outgoing connections: none of these can take
// the port of a part while the part is being restarted.
const (
	firstPort = 20000
	lastPort  = 32000
)

// freePort is a port on which nothing listens at `address`.
func freePort(address string) (int, error) {
	for range 100 {
		port := firstPort + rand.IntN(lastPort-firstPort)
		listener, err := net.Listen("tcp", net.JoinHostPort(address, strconv.Itoa(port)))
		if err == nil {
			return port, listener.Close()
		}
	}
	return 0, fmt.Errorf("no free port was found at %s between %d and %d", address, firstPort, lastPort)
}
