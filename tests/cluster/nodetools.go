package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// nodeTools are programs that the node tier needs and that are not in here.
type nodeTools struct {
	containerd, ctr string
	// plugins is the directory of the CNI plugins.
	plugins string
	// inpod is the program in the images that are always there, built beside this one.
	inpod string
	// proxyMode is by what kube-proxy redirects packets.
	proxyMode string
}

// pluginDirectories are where distributions, and the plugins' own releases, put them.
var pluginDirectories = []string{"/usr/lib/cni", "/opt/cni/bin", "/usr/libexec/cni"}

// findNodeTools returns the tools, and what is missing, in words.
func findNodeTools() (nodeTools, []string) {
	var missing []string
	if os.Geteuid() != 0 {
		missing = append(missing, "it needs root")
	} else if err := tryNamespaces(); err != nil {
		missing = append(missing, fmt.Sprintf("namespaces cannot be made here (%v)", err))
	}
	// Where no administrator logs in, their directories are not on the search path.
	os.Setenv("PATH", os.Getenv("PATH")+":/usr/sbin:/sbin:/usr/local/sbin")
	find := func(program string) string {
		path, err := exec.LookPath(program)
		if err != nil {
			missing = append(missing, program+" is missing")
		}
		return path
	}
	tools := nodeTools{containerd: find("containerd"), ctr: find("ctr"), proxyMode: "iptables"}
	find("containerd-shim-runc-v2")
	find("runc")
	if _, err := exec.LookPath("iptables"); err != nil {
		tools.proxyMode = "nftables"
		if _, err := exec.LookPath("nft"); err != nil {
			missing = append(missing, "iptables is missing, and nft too")
		}
	}
	for _, directory := range pluginDirectories {
		if exists(directory, "ptp") && exists(directory, "host-local") && exists(directory, "loopback") {
			tools.plugins = directory
			break
		}
	}
	if tools.plugins == "" {
		missing = append(missing, "the CNI plugins are missing")
	}
	if program, err := os.Executable(); err != nil || !exists(filepath.Dir(program), "inpod") {
		missing = append(missing, "the program `inpod` is not beside this one")
	} else {
		tools.inpod = filepath.Join(filepath.Dir(program), "inpod")
	}
	return tools, missing
}

func exists(directory, name string) bool {
	_, err := os.Stat(filepath.Join(directory, name))
	return err == nil
}

// tryNamespaces starts a process with namespaces such as the node's: root in a container often may
// not.
func tryNamespaces() error {
	program, err := os.Executable()
	if err != nil {
		return err
	}
	command := exec.Command(program, "help")
	command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces}
	return command.Run()
}

func sentence(missing []string) string {
	return strings.Join(missing, ", ")
}

// checkNode prints what the node tier lacks here, a line for each, and fails if there is any.
func checkNode([]string) error {
	_, missing := findNodeTools()
	for _, one := range missing {
		fmt.Println(one)
	}
	if len(missing) > 0 {
		return errors.New("the node tier cannot run here; with Debian: apt-get install containerd runc containernetworking-plugins iptables")
	}
	return nil
}
