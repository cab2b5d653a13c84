package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
)

// up starts a cluster and holds it until it is told to end.
func up(arguments []string) error {
	options, err := parseOptions(arguments)
	if err != nil {
		return err
	}
	end := endings(options)
	if err := sweep(); err != nil {
		return err
	}
	directory, err := openDirectory(options.directory, options.node)
	if err != nil {
		return err
	}
	parts := newParts()
	go func() {
		// A result of nil is that of a cluster that runs: then the end comes from elsewhere.
		if err := start(options, directory, parts, end); err != nil {
			parts.failed <- err
		}
	}()

	select {
	case <-end:
	case err = <-parts.failed:
	}
	parts.close()
	return errors.Join(err, directory.close())
}

// endings is closed when the cluster is to end. It may be written to, for the same.
func endings(options options) chan struct{} {
	end := make(chan struct{}, 4)
	// Whoever read this program's output may be gone: that must not keep it from cleaning.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGPIPE)
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	go func() {
		<-signals
		end <- struct{}{}
	}()
	if options.untilStdinEnds {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			end <- struct{}{}
		}()
	}
	return end
}

// start starts all parts and says so.
func start(options options, directory directory, parts *parts, end chan<- struct{}) error {
	control, err := listenControl(directory, parts, end)
	if err != nil {
		return err
	}
	go control.serve()
	network := loopback()
	var node *node
	if options.node {
		if node, network, err = startNode(options, directory, parts); err != nil {
			return err
		}
	}
	plane, err := newControlPlane(options, directory, network, parts)
	if err != nil {
		return err
	}
	if node != nil {
		node.plane = plane
		err = startBoth(plane, node)
	} else {
		err = plane.start()
	}
	if err != nil {
		return err
	}
	if err := describe(plane, node); err != nil {
		return err
	}
	fmt.Printf("%s\nready\n", directory.file("kubeconfig"))
	return nil
}

// startBoth starts a control plane and its node. The longest waits are at the same time.
func startBoth(plane *controlPlane, node *node) error {
	containers := make(chan error, 1)
	go func() { containers <- node.startContainers() }()
	if err := plane.start(); err != nil {
		return err
	}
	if err := plane.startScheduler(); err != nil {
		return err
	}
	if err := <-containers; err != nil {
		return err
	}
	return node.startKubelet()
}

func describe(plane *controlPlane, node *node) error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	directory, network := plane.directory, plane.network
	kubeconfig := directory.file("kubeconfig")
	cluster := description{
		Name:          plane.options.name,
		Tier:          "control-plane",
		Server:        plane.server,
		Issuer:        plane.issuer,
		Kubeconfig:    kubeconfig,
		CA:            plane.pki("ca.crt"),
		Logs:          directory.file("logs"),
		Kubectl:       []string{program, "kubectl", "--kubeconfig", kubeconfig},
		HostAddress:   network.host,
		ServiceSubnet: network.services,
		PID:           os.Getpid(),
	}
	if node != nil {
		cluster.Tier = "node"
		cluster.PodSubnet = network.pods
		cluster.Node = plane.nodeName()
		cluster.NodeRoot = fmt.Sprintf("/proc/%d/root", node.process.command.Process.Pid)
		cluster.Containerd = containerdSocket(directory.path)
	}
	return directory.describe(cluster)
}
