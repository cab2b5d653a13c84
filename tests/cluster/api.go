package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"
)

// api is the API server, as its administrator sees it.
type api struct {
	server string
	client *http.Client
}

func newAPI(server string, trusted *authority, administrator leaf) (*api, error) {
	certificate, err := tls.X509KeyPair(administrator.certificate, administrator.key)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	roots.AddCert(trusted.certificate)
	transport := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: roots, Certificates: []tls.Certificate{certificate}},
		// A proxy of the environment is for other places.
		Proxy: nil,
	}
	return &api{server: server, client: &http.Client{Transport: transport, Timeout: 10 * time.Second}}, nil
}

// ready says whether the server serves everything.
func (a *api) ready() bool {
	return a.exists("/readyz")
}

// exists says whether something can be read at `path`.
func (a *api) exists(path string) bool {
	_, err := a.get(path)
	return err == nil
}

// healthy says whether a health check without encryption answers that all is well.
func healthy(url string) bool {
	client := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}}
	response, err := client.Get(url)
	if err != nil {
		return false
	}
	response.Body.Close()
	return response.StatusCode == http.StatusOK
}

func (a *api) get(path string) ([]byte, error) {
	response, err := a.client.Get(a.server + path)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("GET %s was answered with %s", path, response.Status)
	}
	return body, err
}

// create posts an object.
func (a *api) create(path string, object any) error {
	body, err := json.Marshal(object)
	if err != nil {
		return err
	}
	response, err := a.client.Post(a.server+path, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		answer, _ := io.ReadAll(response.Body)
		return fmt.Errorf("POST %s was answered with %s: %s", path, response.Status, answer)
	}
	return nil
}

// openDiscovery lets everyone read the issuer's discovery document and keys, as clusters whose
// tokens are to be verified from outside do.
func (a *api) openDiscovery() error {
	const group = "rbac.authorization.k8s.io"
	return a.create("/apis/"+group+"/v1/clusterrolebindings", map[string]any{
		"apiVersion": group + "/v1",
		"kind":       "ClusterRoleBinding",
		"metadata":   map[string]any{"name": "anonymous-issuer-discovery"},
		"roleRef":    map[string]any{"apiGroup": group, "kind": "ClusterRole", "name": "system:service-account-issuer-discovery"},
		"subjects":   []any{map[string]any{"apiGroup": group, "kind": "Group", "name": "system:unauthenticated"}},
	})
}
