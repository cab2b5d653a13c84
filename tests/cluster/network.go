package main

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"strconv"
	"strings"
	"syscall"

	"github.com/vishvananda/netlink"
)

// network is where the parts of a cluster find each other.
//
// A node has a network namespace of its own, with a pair of interfaces between it and this machine.
// So clusters do not see each other, rules of kube-proxy never touch the machine's own, and all of it
// goes when the namespace does. The node has no route to anywhere else: its pods reach each other,
// Services and this machine, and nothing beyond.
type network struct {
	// number tells clusters with a node apart; 0 is a control plane alone.
	number int
	// host is this machine's address: the API server listens there.
	host string
	// node is the address of the node.
	node string
	// pods and services are subnets.
	pods, services string
	// service is the address of the API server's Service.
	service string
}

// The subnets: hosts and pods have one, Services another. Unusual ones, with a number for a cluster.
const (
	prefix        = "10.213.%d."
	servicePrefix = "10.214.%d."
	lastNumber    = 254
	// linkBits leaves room for two addresses, podBits for a hundred and more pods.
	linkBits = 30
)

// loopback is the network of a control plane alone: nothing leaves the machine, and no Service can
// be reached, since nothing could serve it.
func loopback() network {
	numbered := numbered(0)
	numbered.host = "127.0.0.1"
	return numbered
}

func numbered(number int) network {
	own, services := fmt.Sprintf(prefix, number), fmt.Sprintf(servicePrefix, number)
	return network{
		number:   number,
		host:     own + "1",
		node:     own + "2",
		pods:     own + "128/25",
		services: services + "0/24",
		service:  services + "1",
	}
}

// link is the name of this machine's interface to the node, peer that of the node's.
func (n network) link() string { return fmt.Sprintf("symbolon%d", n.number) }
func (n network) peer() string { return n.link() + "p" }

// allocate makes the pair of interfaces for a new node. Its name is unique, which makes the number
// this cluster's own.
func allocate(directory directory) (network, error) {
	first := rand.IntN(lastNumber)
	for offset := range lastNumber {
		candidate := numbered(1 + (first+offset)%lastNumber)
		taken, err := candidate.taken()
		if err != nil {
			return network{}, err
		}
		if taken {
			continue
		}
		// Before there is anything to clean: whoever finds the directory after a kill reads it.
		if err := directory.write("network", []byte(strconv.Itoa(candidate.number))); err != nil {
			return network{}, err
		}
		attributes := netlink.NewLinkAttrs()
		attributes.Name = candidate.link()
		err = netlink.LinkAdd(&netlink.Veth{LinkAttrs: attributes, PeerName: candidate.peer()})
		if errors.Is(err, syscall.EEXIST) {
			continue
		}
		if err != nil {
			return network{}, fmt.Errorf("a pair of network interfaces cannot be made: %w", err)
		}
		return candidate, nil
	}
	return network{}, errors.New("every network for a node is taken: end other clusters, see `ip link`")
}

// taken says whether something here uses one of the subnets already.
func (n network) taken() (bool, error) {
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return false, fmt.Errorf("the routes of this machine cannot be read: %w", err)
	}
	for _, route := range routes {
		// A default route takes nothing.
		if route.Dst == nil || route.Dst.IP.IsUnspecified() {
			continue
		}
		for _, address := range []string{n.host, n.service} {
			if route.Dst.Contains(net.ParseIP(address)) {
				return true, nil
			}
		}
	}
	return false, nil
}

// connect gives the other end of the pair to the process that is the node, and this machine its
// address and routes. Services are reached from here too: packets for them are sent to the node,
// whose kube-proxy knows where they belong.
func (n network) connect(node *process) error {
	peer, err := netlink.LinkByName(n.peer())
	if err != nil {
		return err
	}
	if err := netlink.LinkSetNsPid(peer, node.command.Process.Pid); err != nil {
		return fmt.Errorf("the node cannot be given its network interface: %w", err)
	}
	link, err := netlink.LinkByName(n.link())
	if err != nil {
		return err
	}
	if err := configure(link, n.host); err != nil {
		return err
	}
	for _, subnet := range []string{n.pods, n.services} {
		_, destination, err := net.ParseCIDR(subnet)
		if err != nil {
			return err
		}
		route := netlink.Route{LinkIndex: link.Attrs().Index, Dst: destination, Gw: net.ParseIP(n.node)}
		if err := netlink.RouteAdd(&route); err != nil {
			return fmt.Errorf("the route to %s cannot be added: %w", subnet, err)
		}
	}
	return nil
}

// configure gives an interface its address and turns it on.
func configure(link netlink.Link, address string) error {
	parsed := &net.IPNet{IP: net.ParseIP(address), Mask: net.CIDRMask(linkBits, 32)}
	if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: parsed}); err != nil {
		return fmt.Errorf("the address %s cannot be added: %w", address, err)
	}
	return netlink.LinkSetUp(link)
}

// forget removes what a node leaves in the kernel when its namespaces have gone: its control groups,
// and the pair of interfaces where the kernel has not come to it yet.
func (n network) forget() error {
	link, err := netlink.LinkByName(n.link())
	if err == nil {
		// It may go by itself in between.
		if err := netlink.LinkDel(link); err != nil && !errors.Is(err, syscall.ENODEV) && !errors.Is(err, syscall.EINVAL) {
			return fmt.Errorf("the network interface %s cannot be removed: %w", n.link(), err)
		}
	}
	return removeGroups(n.group())
}

// recorded is the network whose number `allocate` left in a directory, if it did.
func recorded(directory directory) (network, bool) {
	text, err := os.ReadFile(directory.file("network"))
	if err != nil {
		return network{}, false
	}
	number, err := strconv.Atoi(strings.TrimSpace(string(text)))
	return numbered(number), err == nil && number > 0
}
