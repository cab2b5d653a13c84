package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/vishvananda/netlink"
)

// runNode is process 1 of a node. It makes its namespaces a place to live, starts the programs that
// its standard input names, and takes every process away that ends without a parent. When a program
// that it started ends it says which, and ends with all the others.
func runNode([]string) error {
	input := json.NewDecoder(os.Stdin)
	var settings nodeSettings
	if err := input.Decode(&settings); err != nil {
		return fmt.Errorf("the settings of the node cannot be read: %w", err)
	}
	if err := settings.mount(); err != nil {
		return fmt.Errorf("the node's directories cannot be mounted: %w", err)
	}
	if err := settings.connect(); err != nil {
		return fmt.Errorf("the node's network cannot be set up: %w", err)
	}
	return supervise(input)
}

// supervise starts what it is told to, until a program that it started ends.
func supervise(input *json.Decoder) error {
	requests, ended := make(chan nodeProgram), make(chan int)
	go readPrograms(input, requests)
	go reap(ended)
	running := map[int]nodeProgram{}
	for {
		select {
		case program, open := <-requests:
			if !open {
				// `up` has gone.
				return nil
			}
			pid, err := program.start()
			if err != nil {
				return err
			}
			running[pid] = program
		case pid := <-ended:
			if program, ours := running[pid]; ours {
				return fmt.Errorf("%s ended, %s", filepath.Base(program.Log), tail(program.Log))
			}
		}
	}
}

func readPrograms(input *json.Decoder, requests chan<- nodeProgram) {
	for {
		var next nodeProgram
		if err := input.Decode(&next); err != nil {
			close(requests)
			return
		}
		requests <- next
	}
}

// reap waits for every process that ends in here: those that lose their parent become children of
// this one.
func reap(ended chan<- int) {
	for {
		pid, err := syscall.Wait4(-1, nil, 0, nil)
		if err == nil {
			ended <- pid
		} else if errors.Is(err, syscall.ECHILD) {
			// Nothing runs yet.
			time.Sleep(20 * time.Millisecond)
		}
	}
}

func (p nodeProgram) start() (int, error) {
	log, err := os.OpenFile(p.Log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	// Not by os/exec, which would want to wait for it: `reap` waits for everything.
	pid, err := syscall.ForkExec(p.Command[0], p.Command, &syscall.ProcAttr{
		Dir:   "/",
		Env:   os.Environ(),
		Files: []uintptr{null.Fd(), log.Fd(), log.Fd()},
	})
	if err != nil {
		return 0, fmt.Errorf("%s cannot be started: %w", p.Command[0], err)
	}
	return pid, nil
}

// mount hides what the node's programs would leave on this machine. Everything else is shared with
// it, but for what is mounted from here on.
func (s nodeSettings) mount() error {
	// Held open, for the case that it is below one of those that are hidden.
	directory, err := os.Open(s.Directory)
	if err != nil {
		return err
	}
	defer directory.Close()
	mounts := []struct {
		source, target, kind string
		flags                uintptr
	}{
		{"", "/", "", syscall.MS_REC | syscall.MS_PRIVATE},
		{"", "/", "", syscall.MS_REC | syscall.MS_SHARED},
		{"proc", "/proc", "proc", 0},
		{"tmpfs", "/run", "tmpfs", 0},
		{"tmpfs", "/var/lib", "tmpfs", 0},
		{"tmpfs", "/var/log", "tmpfs", 0},
	}
	for _, mount := range mounts {
		if err := syscall.Mount(mount.source, mount.target, mount.kind, mount.flags, ""); err != nil {
			return fmt.Errorf("%s: %w", mount.target, err)
		}
	}
	if _, err := os.Stat(s.Directory); err == nil {
		return nil
	}
	if err := os.MkdirAll(s.Directory, 0o700); err != nil {
		return err
	}
	return syscall.Mount(fmt.Sprintf("/proc/self/fd/%d", directory.Fd()), s.Directory, "", syscall.MS_BIND, "")
}

// connect turns on what is needed to be a router between this machine and pods.
func (s nodeSettings) connect() error {
	loopback, err := netlink.LinkByName("lo")
	if err != nil {
		return err
	}
	if err := netlink.LinkSetUp(loopback); err != nil {
		return err
	}
	link, err := netlink.LinkByName(s.Interface)
	if err != nil {
		return err
	}
	if err := configure(link, s.Address); err != nil {
		return err
	}
	// Pods on the node's own network send to Services from here: without a route there would be
	// nothing for kube-proxy to redirect. What it does not redirect ends at the loopback.
	_, services, err := net.ParseCIDR(s.Services)
	if err != nil {
		return err
	}
	route := netlink.Route{LinkIndex: loopback.Attrs().Index, Dst: services, Src: net.ParseIP(s.Address)}
	if err := netlink.RouteAdd(&route); err != nil {
		return err
	}
	for setting, value := range map[string]string{"ip_forward": "1", "conf/lo/forwarding": "0"} {
		if err := os.WriteFile("/proc/sys/net/ipv4/"+setting, []byte(value), 0); err != nil {
			return err
		}
	}
	return nil
}
