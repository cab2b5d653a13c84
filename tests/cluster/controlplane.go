package main

import (
	"fmt"
	"net"
	"path/filepath"
	"strconv"
)

// controlPlane is etcd, the API server and the controllers.
type controlPlane struct {
	options   options
	directory directory
	network   network
	parts     *parts
	authority *authority
	api       *api
	server    string
	issuer    string
	port      int
	etcd      string
}

// newControlPlane chooses ports and makes keys and certificates.
func newControlPlane(options options, directory directory, network network, parts *parts) (*controlPlane, error) {
	port, err := freePort(network.host)
	if err != nil {
		return nil, err
	}
	plane := &controlPlane{options: options, directory: directory, network: network, parts: parts, port: port}
	plane.server = "https://" + net.JoinHostPort(network.host, strconv.Itoa(port))
	plane.issuer = options.issuer
	if plane.issuer == "" {
		plane.issuer = plane.server
	}
	if plane.authority, err = newAuthority(); err != nil {
		return nil, err
	}
	if err := plane.writeKeys(); err != nil {
		return nil, err
	}
	return plane, nil
}

func (c *controlPlane) writeKeys() error {
	private, public, err := signingKey(c.options.signingKey)
	if err != nil {
		return err
	}
	for name, content := range map[string][]byte{"ca.crt": c.authority.pem(), "sa.key": private, "sa.pub": public} {
		if err := c.directory.write("pki/"+name, content); err != nil {
			return err
		}
	}
	names := []string{"kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local", "localhost"}
	serving, err := c.authority.server(names, []string{"127.0.0.1", c.network.host, c.network.service})
	if err != nil {
		return err
	}
	if err := c.directory.writePair("pki/apiserver", serving); err != nil {
		return err
	}
	return c.writeUsers()
}

// writeUsers makes a kubeconfig for every user of the API server.
func (c *controlPlane) writeUsers() error {
	administrator, err := c.user("kubeconfig", "admin", "system:masters")
	if err != nil {
		return err
	}
	if c.api, err = newAPI(c.server, c.authority, administrator); err != nil {
		return err
	}
	toKubelet, err := c.authority.client("kube-apiserver-kubelet-client", "system:masters")
	if err != nil {
		return err
	}
	if err := c.directory.writePair("pki/kubelet-client", toKubelet); err != nil {
		return err
	}
	for _, name := range []string{"kube-controller-manager", "kube-scheduler"} {
		if _, err := c.user("pki/"+name+".kubeconfig", "system:"+name); err != nil {
			return err
		}
	}
	return nil
}

// user writes the kubeconfig of a user.
func (c *controlPlane) user(file, name string, groups ...string) (leaf, error) {
	user, err := c.authority.client(name, groups...)
	if err != nil {
		return leaf{}, err
	}
	return user, writeKubeconfig(c.directory.file(file), c.server, c.authority.pem(), user)
}

// start starts everything, and returns when pods could be made.
func (c *controlPlane) start() error {
	if err := c.startEtcd(); err != nil {
		return err
	}
	if err := c.parts.add("kube-apiserver", c.apiServer()); err != nil {
		return err
	}
	if err := c.api.openDiscovery(); err != nil {
		return err
	}
	return c.parts.add("kube-controller-manager", c.controllers())
}

// startScheduler is for clusters with a node; without one there is nothing to choose from.
func (c *controlPlane) startScheduler() error {
	arguments := []string{
		"--kubeconfig=" + c.pki("kube-scheduler.kubeconfig"),
		"--leader-elect=false",
		"--secure-port=0",
		"--profiling=false",
	}
	return c.parts.add("kube-scheduler", &part{start: c.program("kube-scheduler", append(arguments, c.gates()...)...)})
}

func (c *controlPlane) nodeName() string {
	return c.options.name + "-node"
}

func (c *controlPlane) startEtcd() error {
	client, err := freePort("127.0.0.1")
	if err != nil {
		return err
	}
	peer, err := freePort("127.0.0.1")
	if err != nil {
		return err
	}
	address := fmt.Sprintf("127.0.0.1:%d", client)
	c.etcd = "http://" + address
	return c.parts.add("etcd", &part{
		start: c.program("etcd",
			"--data-dir", c.directory.file("etcd"),
			"--client", c.etcd,
			"--peer", fmt.Sprintf("http://127.0.0.1:%d", peer)),
		awaited: "etcd to listen at " + address,
		ready:   func() bool { return listens(address) },
	})
}

func (c *controlPlane) apiServer() *part {
	arguments := []string{
		"--etcd-servers=" + c.etcd,
		"--bind-address=" + c.network.host,
		"--advertise-address=" + c.network.host,
		"--secure-port=" + strconv.Itoa(c.port),
		"--cert-dir=" + c.directory.file("pki"),
		"--tls-cert-file=" + c.pki("apiserver.crt"),
		"--tls-private-key-file=" + c.pki("apiserver.key"),
		"--client-ca-file=" + c.pki("ca.crt"),
		"--authorization-mode=Node,RBAC",
		"--enable-admission-plugins=NodeRestriction",
		"--allow-privileged=true",
		"--service-cluster-ip-range=" + c.network.services,
		"--service-account-issuer=" + c.issuer,
		"--service-account-jwks-uri=" + c.server + "/openid/v1/jwks",
		"--api-audiences=https://kubernetes.default.svc",
		"--service-account-key-file=" + c.pki("sa.pub"),
		"--service-account-signing-key-file=" + c.pki("sa.key"),
		"--profiling=false",
	}
	if c.options.node {
		arguments = append(arguments,
			"--kubelet-client-certificate="+c.pki("kubelet-client.crt"),
			"--kubelet-client-key="+c.pki("kubelet-client.key"),
			"--kubelet-preferred-address-types=InternalIP",
			// Webhooks are called at their pods, whatever kube-proxy knows by then.
			"--enable-aggregator-routing=true",
		)
	} else {
		// The Service of the API server would need an address that is not loopback.
		arguments = append(arguments, "--endpoint-reconciler-type=none")
	}
	arguments = append(arguments, c.gates()...)
	return &part{
		// Last: what the user says counts.
		start:   c.program("kube-apiserver", append(arguments, c.options.apiServerArguments...)...),
		awaited: "the API server to be ready at " + c.server,
		ready:   c.api.ready,
	}
}

func (c *controlPlane) controllers() *part {
	arguments := []string{
		"--kubeconfig=" + c.pki("kube-controller-manager.kubeconfig"),
		"--service-account-private-key-file=" + c.pki("sa.key"),
		"--root-ca-file=" + c.pki("ca.crt"),
		"--use-service-account-credentials",
		// Each controller asks for an account of its own; held back as usual they take seconds.
		"--kube-api-qps=1000",
		"--kube-api-burst=1000",
		"--leader-elect=false",
		// Addresses of pods are the network's own business, and there is no cloud.
		"--controllers=*,-nodeipam,-cloud-node-lifecycle,-node-route-controller,-service-lb-controller",
		"--secure-port=0",
		"--profiling=false",
	}
	return &part{
		start:   c.program("kube-controller-manager", append(arguments, c.gates()...)...),
		awaited: "the service account `default` of the namespace `default`",
		ready:   func() bool { return c.api.exists("/api/v1/namespaces/default/serviceaccounts/default") },
	}
}

// gates are the arguments that set feature gates.
func (c *controlPlane) gates() []string {
	var arguments []string
	for _, gate := range c.options.featureGates {
		arguments = append(arguments, "--feature-gates="+gate)
	}
	return arguments
}

// program is how a process of this program is started.
func (c *controlPlane) program(name string, arguments ...string) func() (*process, error) {
	return func() (*process, error) {
		return startProcess(name, c.directory.logOf(name), c.directory.lock, arguments...)
	}
}

func (c *controlPlane) pki(name string) string {
	return filepath.Join(c.directory.path, "pki", name)
}

// listens says whether something accepts connections at `address`.
func listens(address string) bool {
	connection, err := net.Dial("tcp", address)
	if err != nil {
		return false
	}
	connection.Close()
	return true
}
