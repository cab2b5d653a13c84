package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// node is this machine once more, as a node: a process with namespaces of its own that containerd,
// kubelet and kube-proxy run below. It is process 1 in there, so that when it dies the kernel kills
// all the rest, and takes mounts and network interfaces away with the last of them. That is what
// leaves nothing behind, whatever happens to `up`.
type node struct {
	plane   *controlPlane
	process *process
	// input carries one nodeSettings and then the programs to start. Its end is the node's end.
	input io.WriteCloser
	tools nodeTools
}

// nodeSettings are what the node makes of its namespaces.
type nodeSettings struct {
	Directory string
	Interface string
	Address   string
	Services  string
}

// nodeProgram is a program that the node is to run.
type nodeProgram struct {
	Log     string
	Command []string
}

// startNode makes the namespaces and the network, so that the API server finds its address.
func startNode(options options, directory directory, parts *parts) (*node, network, error) {
	tools, missing := findNodeTools()
	if len(missing) > 0 {
		return nil, network{}, fmt.Errorf("the node tier cannot run here: %s", sentence(missing))
	}
	network, err := allocate(directory)
	if err != nil {
		return nil, network, err
	}
	created := &node{tools: tools}
	err = parts.add("node", &part{start: func() (*process, error) {
		program, err := os.Executable()
		if err != nil {
			return nil, err
		}
		command := exec.Command(program, "node")
		command.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces}
		if created.input, err = command.StdinPipe(); err != nil {
			return nil, err
		}
		created.process, err = startCommand("the node", directory.logOf("node"), directory.lock, command)
		return created.process, err
	}})
	if err != nil {
		return nil, network, err
	}
	if err := network.connect(created.process); err != nil {
		return nil, network, err
	}
	return created, network, json.NewEncoder(created.input).Encode(nodeSettings{
		Directory: directory.path,
		Interface: network.peer(),
		Address:   network.node,
		Services:  network.services,
	})
}

const namespaces = syscall.CLONE_NEWNS | syscall.CLONE_NEWPID | syscall.CLONE_NEWNET | syscall.CLONE_NEWIPC | syscall.CLONE_NEWUTS

// run starts a program in the node. If it ends, so does the node, which says why.
func (n *node) run(name string, command ...string) error {
	return json.NewEncoder(n.input).Encode(nodeProgram{Log: n.plane.directory.logOf(name), Command: command})
}

// runSelf starts this program in the node, as `name`.
func (n *node) runSelf(name string, arguments ...string) error {
	return n.run(name, append([]string{"/proc/self/exe", name}, arguments...)...)
}

// startContainers starts containerd and gives it the images that are always there.
func (n *node) startContainers() error {
	directory := n.plane.directory
	if err := n.writeContainerd(); err != nil {
		return err
	}
	if err := n.run("containerd", n.tools.containerd, "--config", directory.file("node/containerd.toml")); err != nil {
		return err
	}
	socket := containerdSocket(directory.path)
	err := n.process.waitFor("containerd to be ready", func() bool {
		return exec.Command(n.tools.ctr, "--address", socket, "version").Run() == nil
	})
	if err != nil {
		return fmt.Errorf("%w\n%s", err, tail(directory.logOf("containerd")))
	}
	for _, name := range []string{pauseImage, "localhost/inpod:1"} {
		archive := directory.file("node/image.tar")
		if err := writeImage(archive, image{name: name, files: []imageFile{{n.tools.inpod, "/inpod"}}, entrypoint: []string{"/inpod"}}); err != nil {
			return err
		}
		if err := importImage(n.tools.ctr, directory.path, archive); err != nil {
			return err
		}
	}
	return os.Remove(directory.file("node/image.tar"))
}

// startKubelet starts what makes the node one of the cluster.
func (n *node) startKubelet() error {
	name := n.plane.nodeName()
	directory := n.plane.directory
	if _, err := n.plane.user("pki/kubelet.kubeconfig", "system:node:"+name, "system:nodes"); err != nil {
		return err
	}
	if _, err := n.plane.user("pki/kube-proxy.kubeconfig", "system:kube-proxy"); err != nil {
		return err
	}
	if err := makeGroups(n.plane.network.group()); err != nil {
		return fmt.Errorf("control groups cannot be made: %w", err)
	}
	if err := n.writeKubelet(); err != nil {
		return err
	}
	if err := n.runSelf("kubelet", n.kubeletArguments()...); err != nil {
		return err
	}
	if err := n.runSelf("kube-proxy", n.proxyArguments()...); err != nil {
		return err
	}
	if err := n.process.waitFor("the node to be ready", n.ready); err != nil {
		return fmt.Errorf("%w\n%s\n%s", err, tail(directory.logOf("kubelet")), tail(directory.logOf("kube-proxy")))
	}
	return nil
}

// ready says whether pods can be scheduled and Services reached.
func (n *node) ready() bool {
	text, err := n.plane.api.get("/api/v1/nodes/" + n.plane.nodeName())
	if err != nil {
		return false
	}
	var found struct {
		Spec   struct{ Taints []any }
		Status struct {
			Conditions []struct{ Type, Status string }
		}
	}
	if json.Unmarshal(text, &found) != nil || len(found.Spec.Taints) > 0 {
		return false
	}
	for _, condition := range found.Status.Conditions {
		if condition.Type == "Ready" && condition.Status == "True" {
			return healthy("http://" + n.plane.network.node + ":10256/healthz")
		}
	}
	return false
}

func containerdSocket(path string) string {
	return filepath.Join(path, "node/containerd.sock")
}

func importImage(ctr, path, archive string) error {
	command := exec.Command(ctr, "--address", containerdSocket(path), "--namespace", "k8s.io", "images", "import", archive)
	if output, err := command.CombinedOutput(); err != nil {
		return fmt.Errorf("the image `%s` cannot be imported: %w\n%s", archive, err, output)
	}
	return nil
}
