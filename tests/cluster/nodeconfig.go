package main

import (
	"encoding/json"
	"fmt"
	"os"
)

// pauseImage is the image of the container that keeps a pod's namespaces.
const pauseImage = "localhost/pause:1"

// containerdConfig is the configuration of containerd, with its own directories, so that a
// containerd of the machine is not touched.
const containerdConfig = `version = 2
root = %[1]q
state = "/run/containerd"
# For what a machine without AUFS, Btrfs, ZFS or a thin pool would only warn of; and nothing is traced.
disabled_plugins = [
  "io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs",
  "io.containerd.tracing.processor.v1.otlp", "io.containerd.internal.v1.tracing",
]

[grpc]
address = %[2]q

[plugins."io.containerd.internal.v1.opt"]
path = "/run/containerd/opt"

[plugins."io.containerd.grpc.v1.cri"]
sandbox_image = %[3]q
# Inside a container root may not be allowed to lower the score of a process.
restrict_oom_score_adj = true
# A profile would stay in the kernel.
disable_apparmor = true

[plugins."io.containerd.grpc.v1.cri".containerd]
default_runtime_name = "runc"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
runtime_type = "io.containerd.runc.v2"

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
SystemdCgroup = false

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = %[4]q
conf_dir = %[5]q
`

func (n *node) writeContainerd() error {
	directory := n.plane.directory
	config := fmt.Sprintf(containerdConfig,
		directory.file("node/containerd"), containerdSocket(directory.path), pauseImage, n.tools.plugins, directory.file("node/cni"))
	if err := directory.write("node/containerd.toml", []byte(config)); err != nil {
		return err
	}
	return n.writeNetwork()
}

// writeNetwork makes a link from the node to every pod. Packets from pod to pod are routed by the
// node, so that kube-proxy sees both directions; behind a bridge it would need a kernel module.
func (n *node) writeNetwork() error {
	directory := n.plane.directory
	config, err := json.Marshal(map[string]any{
		"cniVersion": "0.4.0",
		"name":       "pods",
		"plugins": []any{map[string]any{
			"type":   "ptp",
			"ipMasq": false,
			"ipam": map[string]any{
				"type":    "host-local",
				"dataDir": "/run/cni",
				"ranges":  []any{[]any{map[string]any{"subnet": n.plane.network.pods}}},
				"routes":  []any{map[string]any{"dst": "0.0.0.0/0"}},
			},
		}},
	})
	if err != nil {
		return err
	}
	if err := os.Mkdir(directory.file("node/cni"), 0o700); err != nil {
		return err
	}
	return directory.write("node/cni/pods.conflist", config)
}

// writeKubelet writes the kubelet's configuration. Much of it turns off what keeps a real node
// healthy: reserving and evicting need control groups, memory and disks of which a test machine
// promises nothing.
func (n *node) writeKubelet() error {
	directory := n.plane.directory
	gates := map[string]bool{}
	for _, gate := range n.plane.options.featureGates {
		name, on := splitGate(gate)
		gates[name] = on
	}
	config, err := json.MarshalIndent(map[string]any{
		"apiVersion":               "kubelet.config.k8s.io/v1beta1",
		"kind":                     "KubeletConfiguration",
		"containerRuntimeEndpoint": "unix://" + containerdSocket(directory.path),
		"address":                  n.plane.network.node,
		"authentication": map[string]any{
			"anonymous": map[string]any{"enabled": false},
			"webhook":   map[string]any{"enabled": true},
			"x509":      map[string]any{"clientCAFile": n.plane.pki("ca.crt")},
		},
		"authorization":                 map[string]any{"mode": "Webhook"},
		"cgroupDriver":                  "cgroupfs",
		"cgroupRoot":                    "/" + n.plane.network.group(),
		"cgroupsPerQOS":                 true,
		"enforceNodeAllocatable":        []string{},
		"failCgroupV1":                  false,
		"failSwapOn":                    false,
		"oomScoreAdj":                   0,
		"evictionHard":                  map[string]any{},
		"imageGCHighThresholdPercent":   100,
		"localStorageCapacityIsolation": false,
		"podLogsDir":                    directory.file("logs/pods"),
		"volumePluginDir":               directory.file("node/volume-plugins"),
		// Pods know no names of the outside.
		"resolvConf":   "",
		"featureGates": gates,
	}, "", "  ")
	if err != nil {
		return err
	}
	return directory.write("node/kubelet.json", config)
}

func (n *node) kubeletArguments() []string {
	directory := n.plane.directory
	return []string{
		"--config=" + directory.file("node/kubelet.json"),
		"--kubeconfig=" + n.plane.pki("kubelet.kubeconfig"),
		"--hostname-override=" + n.plane.nodeName(),
		"--node-ip=" + n.plane.network.node,
		"--root-dir=" + directory.file("node/kubelet"),
		"--cert-dir=" + directory.file("node/kubelet/pki"),
	}
}

func (n *node) proxyArguments() []string {
	arguments := []string{
		"--kubeconfig=" + n.plane.pki("kube-proxy.kubeconfig"),
		"--hostname-override=" + n.plane.nodeName(),
		"--proxy-mode=" + n.tools.proxyMode,
		"--cluster-cidr=" + n.plane.network.pods,
		"--healthz-bind-address=" + n.plane.network.node + ":10256",
		// Limits of the whole machine are left as they are.
		"--conntrack-max-per-core=0",
		"--conntrack-min=0",
		"--conntrack-tcp-timeout-established=0",
		"--conntrack-tcp-timeout-close-wait=0",
		// A test waits for every change.
		"--iptables-min-sync-period=100ms",
	}
	return append(arguments, n.plane.gates()...)
}
