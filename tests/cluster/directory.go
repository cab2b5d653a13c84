package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
)

// directory holds everything that a cluster writes, and two locks, which the kernel gives back however
// processes end. So it is known whether a cluster lives without trusting numbers of processes.
type directory struct {
	path string
	// own says that it was made for this run and goes with it.
	own bool
	// owner is held by `up` alone.
	owner *os.File
	// lock is held by every process of the cluster: when it is free, all have gone.
	lock *os.File
}

// Directories of their own are recognised by this prefix, so that those of killed ones are found.
const ownPrefix = "symbolon-cluster-"

// longestSocket is how long the path of a socket can be, by the kernel.
const longestSocket = 107

func openDirectory(path string, node bool) (directory, error) {
	own := path == ""
	if own {
		made, err := os.MkdirTemp("", ownPrefix)
		if err != nil {
			return directory{}, err
		}
		path = made
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return directory{}, err
	}
	opened := directory{path: path, own: own}
	longest := opened.file("control.sock")
	if node {
		longest = opened.file("node/kubelet/device-plugins/kubelet.sock")
	}
	if len(longest) > longestSocket {
		return directory{}, fmt.Errorf("the directory's path is too long for sockets in it: give a shorter one than `%s`", path)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		return directory{}, err
	}
	if err := opened.acquire(); err != nil {
		return directory{}, err
	}
	// What a killed predecessor left, its logs too.
	if err := opened.empty("lock", "owner"); err != nil {
		return directory{}, err
	}
	for _, name := range []string{"logs", "pki", "etcd", "node"} {
		if err := os.Mkdir(opened.file(name), 0o700); err != nil {
			return directory{}, err
		}
	}
	return opened, nil
}

// acquire takes the locks. In a directory of its own the owner's is taken before its file has its
// name, lest somebody's sweep takes the directory for one whose owner was killed.
func (d *directory) acquire() error {
	name := "owner"
	if d.own {
		name = "owner.new"
	}
	var err error
	if d.owner, err = openLock(d.file(name)); err != nil {
		return err
	}
	if !tryLock(d.owner) {
		return fmt.Errorf("a cluster is running in `%s` already: end it with `cluster down --dir %s` or give another --dir", d.path, d.path)
	}
	if d.lock, err = openLock(d.file("lock")); err != nil {
		return err
	}
	if err := waitLock(d.lock); err != nil {
		return err
	}
	if d.own {
		return os.Rename(d.file(name), d.file("owner"))
	}
	return nil
}

func (d directory) file(name string) string {
	return filepath.Join(d.path, name)
}

func (d directory) logOf(part string) string {
	return d.file("logs/" + part + ".log")
}

// write writes a file for its owner alone.
func (d directory) write(name string, content []byte) error {
	return os.WriteFile(d.file(name), content, 0o600)
}

func (d directory) writePair(name string, pair leaf) error {
	return errors.Join(d.write(name+".crt", pair.certificate), d.write(name+".key", pair.key))
}

// close removes everything but the logs, and those too where nobody chose the directory.
func (d directory) close() error {
	defer d.lock.Close()
	defer d.owner.Close()
	if err := d.empty("logs"); err != nil || !d.own {
		return err
	}
	return os.RemoveAll(d.path)
}

// empty removes what is in the directory, except `kept`, and what a node left in the kernel. Nothing
// may run there any more.
func (d directory) empty(kept ...string) error {
	if network, found := recorded(d); found {
		if err := network.forget(); err != nil {
			return err
		}
	}
	entries, err := os.ReadDir(d.path)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if !slices.Contains(kept, entry.Name()) && isOurs(entry.Name()) {
			if err := os.RemoveAll(d.file(entry.Name())); err != nil {
				return err
			}
		}
	}
	return nil
}

// isOurs keeps a directory with other things in it, given by mistake, from losing them.
func isOurs(name string) bool {
	switch name {
	case "lock", "owner", "owner.new", "logs", "pki", "etcd", "node", "network", "kubeconfig", "control.sock", "cluster.json", "cluster.json.new":
		return true
	}
	return false
}

// description is what others read about a running cluster, in cluster.json.
type description struct {
	Name string `json:"name"`
	// Tier is `control-plane` or `node`.
	Tier       string `json:"tier"`
	Server     string `json:"server"`
	Issuer     string `json:"issuer"`
	Kubeconfig string `json:"kubeconfig"`
	// CA is the file with the certificate that signed the API server's.
	CA   string `json:"ca"`
	Logs string `json:"logs"`
	// Kubectl is a command line to which arguments are appended.
	Kubectl []string `json:"kubectl"`
	// HostAddress is where pods reach servers of this machine, and where the API server listens.
	HostAddress   string `json:"hostAddress"`
	ServiceSubnet string `json:"serviceSubnet"`
	PodSubnet     string `json:"podSubnet,omitempty"`
	Node          string `json:"node,omitempty"`
	// NodeRoot is where the node's file system is seen, with what it mounts: volumes of pods are
	// below NodeRoot + the directory + /node/kubelet/pods.
	NodeRoot   string `json:"nodeRoot,omitempty"`
	Containerd string `json:"containerd,omitempty"`
	PID        int    `json:"pid"`
}

// describe writes cluster.json at once as a whole: it is there when the cluster is ready.
func (d directory) describe(cluster description) error {
	text, err := json.MarshalIndent(cluster, "", "  ")
	if err != nil {
		return err
	}
	if err := d.write("cluster.json.new", append(text, '\n')); err != nil {
		return err
	}
	return os.Rename(d.file("cluster.json.new"), d.file("cluster.json"))
}

// readDescription reads cluster.json in `path`.
func readDescription(path string) (description, error) {
	var cluster description
	text, err := os.ReadFile(filepath.Join(path, "cluster.json"))
	if errors.Is(err, os.ErrNotExist) {
		return cluster, fmt.Errorf("no cluster is ready in `%s`: start one with `cluster up --dir %s`", path, path)
	}
	if err != nil {
		return cluster, err
	}
	return cluster, json.Unmarshal(text, &cluster)
}
